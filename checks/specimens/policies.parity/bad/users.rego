package users

deny contains "the user is not known" if not input.user in {"alice", "bob"}
