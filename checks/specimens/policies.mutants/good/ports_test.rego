package ports_test

import data.ports

test_last_privileged_port_is_denied if {
	ports.deny == {"port 1023 is privileged"} with input as {"port": 1023}
}

test_first_other_port_passes if {
	ports.deny == set() with input as {"port": 1024}
}
