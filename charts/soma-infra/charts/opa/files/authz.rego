# METADATA
# title: What clients may ask of the policy server
# description: Decisions, and whether it is well. Policies and data come from the chart, and nobody changes or reads them by the wire.
package system.authz

# METADATA
# title: Whether a request is taken
# entrypoint: true
default allow := false

allow if {
	input.method == "POST"
	input.path[0] == "v1"
	input.path[1] == "data"
	count(input.path) > 2 # all data would be every policy's
}

allow if {
	input.method == "GET"
	input.path in {["health"], ["metrics"]}
}
