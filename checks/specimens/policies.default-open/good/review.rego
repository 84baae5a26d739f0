package review

allow if {
	input.image
	count(violations) == 0
}

violations contains "the image is not pinned" if endswith(input.image, ":latest")
