# METADATA
# title: Manifests for tests
# description: Small ones, so that a test shows only what it is about.
package lib.fixtures

# METADATA
# description: A pod with these fields in its specification.
pod(spec) := {"kind": "Pod", "metadata": {"name": "web"}, "spec": spec}

# METADATA
# description: A pod with one container that has these fields.
container(fields) := pod({"containers": [object.union({"name": "app"}, fields)]})

# METADATA
# description: A pod with one container that has this security context.
secured(context) := container({"securityContext": context})
