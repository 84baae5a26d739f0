package sb.policy_test

import data.sb.policy

rpc(name) := sprintf("/sfm.memory.v1.MemoryService/%s", [name])

reflection := "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"

call(method, tenant, tenants, roles) := {
	"method": method,
	"tenant": tenant,
	"principal": {"subject": "somebody", "tenants": tenants, "roles": roles},
	"bytes": 100,
}

reads := {"Explain", "Get", "Recall", "Stats"}

writes := {"Delete", "Store", "StoreBatch"}

# Of the methods of a tenant, those that somebody of this role may call in its own tenant.
permitted(role) := {name |
	some name in reads | writes
	policy.allow with input as call(rpc(name), "acme", ["acme"], [role])
}

# Of the methods of the whole server, those that somebody of this role may call.
inspected(role) := {method |
	some method in [reflection, rpc("GateReport")]
	policy.allow with input as call(method, "", ["acme"], [role])
}

test_readers_read_and_never_write if permitted("reader") == reads

test_writers_read_and_write if permitted("writer") == reads | writes

test_admins_read_and_write if permitted("admin") == reads | writes

test_operators_see_nothing_of_a_tenant if permitted("operator") == set()

test_unknown_role_permits_nothing if {
	permitted("cook") == set()
	inspected("cook") == set()
}

test_operators_and_admins_inspect_the_server if {
	inspected("operator") == {reflection, rpc("GateReport")}
	inspected("admin") == {reflection, rpc("GateReport")}
}

test_readers_and_writers_do_not_inspect_the_server if {
	inspected("reader") == set()
	inspected("writer") == set()
}

test_inspecting_belongs_to_no_tenant if {
	policy.allow == false with input as call(rpc("GateReport"), "acme", ["acme"], ["operator", "admin"])
}

test_foreign_tenant_is_denied if {
	policy.allow == false with input as call(rpc("Get"), "other", ["acme"], ["admin"])
	policy.allow == false with input as call(rpc("Get"), "*", ["acme"], ["admin"])
	policy.allow == false with input as call(rpc("Get"), "acme", [], ["admin"])
}

test_each_own_tenant_is_permitted if {
	policy.allow with input as call(rpc("Get"), "acme", ["other", "acme"], ["cook", "reader"])
	policy.allow with input as call(rpc("Get"), "other", ["other", "acme"], ["cook", "reader"])
}

test_star_stands_for_every_tenant if {
	policy.allow with input as call(rpc("Store"), "acme", ["*"], ["writer"])
}

test_no_tenant_is_nobodys_tenant if {
	policy.allow == false with input as call(rpc("Store"), "", ["", "acme"], ["admin"])
	policy.allow == false with input as call(rpc("Store"), "", ["*"], ["admin"])
}

test_unknown_method_is_denied if {
	policy.allow == false with input as call(rpc("Drop"), "acme", ["*"], ["admin"])
	policy.allow == false with input as call("/other.Service/Get", "acme", ["*"], ["admin"])
	policy.allow == false with input as call("Get", "acme", ["*"], ["admin"])
}

test_each_missing_field_is_denied if {
	store := call(rpc("Store"), "acme", ["acme"], ["admin"])
	inspect := call(rpc("GateReport"), "", ["acme"], ["admin"])
	some_missing := {json.remove(whole, [path]) |
		some whole in [store, inspect]
		some path in ["method", "tenant", "principal", "principal/roles"]
	}
	{asked | some asked in some_missing; policy.allow with input as asked} == set()
	policy.allow == false with input as json.remove(store, ["principal/tenants"])
	policy.allow == false with input as {}
}
