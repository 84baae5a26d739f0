package capabilities

deny contains sprintf("%s keeps capabilities", [container.name]) if {
	some container in input.spec.containers
	not drops_all(container)
}

drops_all(container) if "ALL" in container.securityContext.capabilities.drop
