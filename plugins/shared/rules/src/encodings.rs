//! S6xx: encoded and obfuscated payloads.
