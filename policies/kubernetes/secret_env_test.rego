package kubernetes.secret_env_test

import data.kubernetes.secret_env
import data.lib.fixtures

found(name) := {{
	"message": sprintf("container app has the value of %s in its manifest", [name]),
	"path": "spec.containers[0].env[0].value",
}}

variable(name, value) := fixtures.container({"env": [{"name": name, "value": value}]})

test_secret_value_is_found if {
	every name in ["PASSWORD", "DB_PASSWORD", "api_token", "AWS_SECRET_ACCESS_KEY"] {
		secret_env.violation == found(name) with input as variable(name, "hunter2")
	}
}

test_place_of_a_secret_passes if {
	every name in ["PASSWORD_FILE", "TOKEN_URL", "SECRET_NAME"] {
		secret_env.violation == set() with input as variable(name, "/run/secrets/db")
	}
}

test_name_that_is_no_secret_passes if {
	every name in ["HOST", "MONKEY", "FILE_PASSWORDS"] {
		secret_env.violation == set() with input as variable(name, "value")
	}
}

test_value_that_is_empty_or_put_together_passes if {
	secret_env.violation == set() with input as variable("PASSWORD", "")
	secret_env.violation == set() with input as variable("PASSWORD", "$(OTHER)")
}

test_reference_passes if {
	reference := {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}
	secret_env.violation == set() with input as fixtures.container({"env": [reference]})
	secret_env.violation == set() with input as fixtures.container({})
}

test_place_in_the_list_is_named if {
	env := [{"name": "HOST", "value": "db"}, {"name": "PASSWORD", "value": "hunter2"}]
	{one.path | some one in secret_env.violation} == {"spec.containers[0].env[1].value"} with input as fixtures.container({"env": env})
}

test_words_are_parameters if {
	secret_env.violation == found("PIN") with input as variable("PIN", "1234")
		with data.parameters.secret_words as ["PIN"]
	secret_env.violation == set() with input as variable("PASSWORD_HINT", "pet")
		with data.parameters.harmless_words as ["HINT"]
}
