//! S4xx: paths, links, archives.
