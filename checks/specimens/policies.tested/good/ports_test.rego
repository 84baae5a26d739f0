package ports_test

import data.ports

test_privileged_port_is_denied if {
	ports.deny == {"port 80 is privileged"} with input as {"port": 80, "name": "http"}
}

test_port_without_name_is_denied if {
	ports.deny == {"the port is not named"} with input as {"port": 8080}
	ports.deny == {"the port is not named"} with input as {"port": 8080, "name": ""}
}

test_high_port_with_name_passes if {
	ports.deny == set() with input as {"port": 8080, "name": "http"}
}
