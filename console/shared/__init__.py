"""What pages, APIs and the admin have in common: who asks, how things are worded, what errors look like."""
