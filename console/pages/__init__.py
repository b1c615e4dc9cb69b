"""The pages of the console: one module per noun, one function per page or action."""
