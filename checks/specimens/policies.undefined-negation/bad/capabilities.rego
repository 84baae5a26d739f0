package capabilities

deny contains sprintf("%s keeps capabilities", [container.name]) if {
	some container in input.spec.containers
	not "ALL" in container.securityContext.capabilities.drop
}
