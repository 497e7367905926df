//! S1xx: Python modules and builtins that run code.
