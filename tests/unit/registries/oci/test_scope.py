from registries.oci import scope


def test_mount_puts_the_right_to_push_first():
    assert scope.mount("a/b", "c/d") == ("repository:a/b:pull,push", "repository:c/d:pull")


def test_mount_from_the_same_repository_needs_no_second_scope():
    assert scope.mount("a/b", "a/b") == scope.push("a/b")


def test_scopes_are_those_of_distribution():
    assert scope.pull("a/b") == ("repository:a/b:pull",)
    assert scope.push("a/b") == ("repository:a/b:pull,push",)
    assert scope.delete("a/b") == ("repository:a/b:delete",)
    assert scope.CATALOG == ("registry:catalog:*",)
