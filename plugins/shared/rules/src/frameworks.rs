//! S11xx: what frameworks run when they load a model.
