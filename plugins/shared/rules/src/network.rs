//! S3xx: network access.
