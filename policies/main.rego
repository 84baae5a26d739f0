# METADATA
# title: Everything that the rules say of one manifest
# description: The input is one Kubernetes manifest, as the API server takes it.
package main

# METADATA
# title: Violations of every rule
# description: One object each, with rule, message, and path inside the manifest.
# entrypoint: true
violations contains object.union(found, {"rule": rule}) if {
	some rule
	some found in data.kubernetes[rule].violation
}

# METADATA
# title: The same as conftest wants it
# entrypoint: true
deny contains sprintf("%s: %s (%s)", [found.rule, found.message, found.path]) if some found in violations
