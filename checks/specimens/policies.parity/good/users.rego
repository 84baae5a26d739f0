package users

deny contains "the user is not known" if not is_known

is_known if input.user in {"alice", "bob"}
