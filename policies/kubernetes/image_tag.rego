# METADATA
# title: Images are named by a tag that does not move, or by digest
# description: A moving tag makes two pods of one rollout run different programs.
# custom:
#   severity: error
#   remedy: Name the version, or better the digest, of the image.
package kubernetes.image_tag

import data.lib.k8s

violation contains k8s.violation(container, "image", "names no fixed version of its image") if {
	some container in k8s.containers
	not is_fixed(container)
}

is_fixed(container) if contains(container.spec.image, "@sha256:")

is_fixed(container) if {
	parts := split(container.spec.image, "/")
	[_, tag] := split(parts[count(parts) - 1], ":")
	not is_moving(tag)
}

is_moving(tag) if lower(tag) in data.parameters.moving_tags

is_moving(tag) if tag == ""
