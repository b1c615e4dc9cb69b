"""The cloud API: what official SDKs and the command-line client speak; served at `/` beside the console."""
