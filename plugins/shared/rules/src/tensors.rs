//! S8xx: shapes, weights and layers.
