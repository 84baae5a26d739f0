package ports_test

import data.ports

test_privileged_port_is_denied if {
	ports.deny == {"port 80 is privileged"} with input as {"port": 80}
}
