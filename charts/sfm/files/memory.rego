# METADATA
# title: Who may call the memory service
# description: >-
#   The policy that the service ships. A principal acts for its own tenants alone, and its roles say what it may do there.
#   What no rule permits is denied.
package sb.policy

# METADATA
# title: Whether the call is permitted
# entrypoint: true
default allow := false

allow if {
	acts_for_tenant
	some role in input.principal.roles
	input.method in tenant_methods[role]
}

# What concerns the whole server belongs to no tenant.
allow if {
	input.tenant == ""
	some role in input.principal.roles
	input.method in server_methods[role]
}

acts_for_tenant if {
	input.tenant != ""
	input.tenant in input.principal.tenants
}

acts_for_tenant if {
	input.tenant != ""
	"*" in input.principal.tenants
}

reads := {
	"/sfm.memory.v1.MemoryService/Explain",
	"/sfm.memory.v1.MemoryService/Get",
	"/sfm.memory.v1.MemoryService/Recall",
	"/sfm.memory.v1.MemoryService/Stats",
}

writes := {
	"/sfm.memory.v1.MemoryService/Delete",
	"/sfm.memory.v1.MemoryService/Store",
	"/sfm.memory.v1.MemoryService/StoreBatch",
}

inspections := {
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
	"/sfm.memory.v1.MemoryService/GateReport",
}

tenant_methods := {
	"admin": reads | writes,
	"reader": reads,
	"writer": reads | writes,
}

server_methods := {
	"admin": inspections,
	"operator": inspections,
}
