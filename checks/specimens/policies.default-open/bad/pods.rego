package pods

allow if {
	input.kind == "Pod"
	not on_the_host
}

on_the_host if input.spec.hostNetwork
