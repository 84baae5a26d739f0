package kubernetes.image_tag_test

import data.kubernetes.image_tag
import data.lib.fixtures

found := {{
	"message": "container app names no fixed version of its image",
	"path": "spec.containers[0].image",
}}

test_image_without_fixed_version_is_found if {
	images := [
		"nginx",
		"nginx:",
		"nginx:latest",
		"nginx:LATEST",
		"registry:5000/nginx",
		"registry:5000/library/nginx:edge",
		"",
	]
	every image in images {
		image_tag.violation == found with input as fixtures.container({"image": image})
	}
}

test_image_with_fixed_version_passes if {
	images := [
		"nginx:1.27",
		"registry:5000/nginx:1.27",
		"nginx@sha256:0123",
		"nginx:latest@sha256:0123",
	]
	every image in images {
		image_tag.violation == set() with input as fixtures.container({"image": image})
	}
}

test_container_without_image_is_found if {
	image_tag.violation == found with input as fixtures.container({})
}

test_moving_tags_are_a_parameter if {
	image_tag.violation == found with input as fixtures.container({"image": "nginx:dev"})
		with data.parameters.moving_tags as ["dev"]
}
