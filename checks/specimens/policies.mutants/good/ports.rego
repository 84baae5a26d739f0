package ports

deny contains sprintf("port %d is privileged", [input.port]) if input.port < 1024
