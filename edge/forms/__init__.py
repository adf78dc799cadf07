"""Forms: pages found, fields of boxes read, stacks worked through."""
