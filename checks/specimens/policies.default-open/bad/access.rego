package access

default allow := true

allow := false if input.user in data.blocked
