package ports_test

import data.ports

test_privileged_port_is_denied if {
	"port 80 is privileged" in ports.deny with input as {"port": 80, "name": "http"}
}

test_high_port_passes if {
	ports.deny == set() with input as {"port": 8080}
}
