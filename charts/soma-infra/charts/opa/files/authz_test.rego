package system.authz_test

import data.system.authz

test_a_decision_is_given if {
	authz.allow with input as {"method": "POST", "path": ["v1", "data", "sb", "policy"]}
}

test_a_decision_of_the_shortest_path_is_given if {
	authz.allow with input as {"method": "POST", "path": ["v1", "data", "sb"]}
}

test_health_and_metrics_are_told if {
	authz.allow with input as {"method": "GET", "path": ["health"]}
	authz.allow with input as {"method": "GET", "path": ["metrics"]}
}

test_nothing_else_is_taken if {
	requests := [
		{"method": "PUT", "path": ["v1", "policies", "mine"]},
		{"method": "PUT", "path": ["v1", "data", "sb"]},
		{"method": "PATCH", "path": ["v1", "data", "sb"]},
		{"method": "DELETE", "path": ["v1", "data", "sb"]},
		{"method": "GET", "path": ["v1", "data", "sb"]},
		{"method": "POST", "path": ["v1", "query", "sb"]},
		{"method": "POST", "path": ["v0", "data", "sb"]},
		{"method": "POST", "path": ["v1", "compile", "sb"]},
		{"method": "POST", "path": ["v1", "data"]},
		{"method": "POST", "path": ["v1"]},
		{"method": "PUT", "path": ["health"]},
		{"method": "GET", "path": ["health", "more"]},
		{"method": "GET", "path": ["v1", "policies"]},
		{"method": "GET"},
		{"path": ["health"]},
		{"method": "POST", "path": []},
		{"method": "POST"},
		{"path": ["v1", "data", "sb"]},
		{},
	]
	every request in requests {
		authz.allow == false with input as request
	}
}
