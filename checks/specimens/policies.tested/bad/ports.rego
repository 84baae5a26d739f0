package ports

deny contains sprintf("port %d is privileged", [input.port]) if input.port < 1024

deny contains "the port is not named" if not is_named

is_named if input.name != ""
