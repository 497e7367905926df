//! S10xx: names, hashes and remote code that a policy speaks of.
