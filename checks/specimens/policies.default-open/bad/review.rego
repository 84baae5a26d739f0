package review

allow if count(violations) == 0

violations contains "the image is not pinned" if endswith(input.image, ":latest")
