//! The trees of a core: lists whose entries are places in each other, which the native evaluator follows without a look.
//!
//! Oblivious trees have the same split on every node of a level, so a tree of depth n takes 2^n leaves; other trees have steps to their
//! children and numbers of their leaves (catboost/libs/model/flatbuffers/model.fbs, model_trees.cpp).

use modelaudit_flatbuffer::{Defect, Flatbuffer, Table, Vector};
use modelaudit_plugin::Sink;

/// Fields of `TModelTrees`.
mod slot {
    pub const DIMENSION: u64 = 4;
    pub const SPLITS: u64 = 6;
    pub const SIZES: u64 = 8;
    pub const STARTS: u64 = 10;
    pub const CATEGORICAL: u64 = 12;
    pub const FLOATS: u64 = 14;
    pub const LEAVES: u64 = 20;
    pub const STEPS: u64 = 24;
    pub const LEAF_NUMBERS: u64 = 26;
    pub const TEXTS: u64 = 28;
}

/// Levels of an oblivious tree; CatBoost trains at most 16.
const DEEPEST: u32 = 32;
/// The number of a node that is no leaf.
const NO_LEAF: u32 = u32::MAX;

/// Checks the trees and says how many there are.
pub(crate) fn check(buffer: &mut Flatbuffer<'_>, trees: &Table, sink: &mut dyn Sink) -> Result<(), Defect> {
    let splits = buffer.vector(trees, slot::SPLITS, 4)?.map_or(0, |v| v.count);
    let starts = buffer.vector(trees, slot::STARTS, 4)?;
    let steps = buffer.vector(trees, slot::STEPS, 4)?.filter(|v| v.count > 0);
    let leaves = buffer.vector(trees, slot::LEAVES, 8)?;
    let dimension = u64::from(buffer.u32(trees, slot::DIMENSION)?.unwrap_or(1)).max(1);
    let mut features = 0;
    for kind in [slot::CATEGORICAL, slot::FLOATS, slot::TEXTS] {
        features += buffer.vector(trees, kind, 4)?.map_or(0, |v| v.count);
    }
    sink.fact_number("feature_count", features);
    sink.fact_text("architecture", if steps.is_some() { "non-symmetric trees" } else { "oblivious trees" });
    let Some(sizes) = buffer.vector(trees, slot::SIZES, 4)? else { return Ok(()) };
    sink.fact_number("trees", sizes.count);
    let (mut total, mut wanted) = (0u64, 0u64);
    for index in 0..sizes.count {
        let size = entry(buffer, &sizes, index)?;
        let start = match &starts {
            Some(starts) if starts.count == sizes.count => u64::from(entry(buffer, starts, index)?),
            _ => total,
        };
        total = total.saturating_add(u64::from(size));
        if total > splits || start.saturating_add(u64::from(size)) > splits {
            let what = format!("its trees have {} splits, {splits} are there", total.max(start + u64::from(size)));
            return Err(Defect { at: sizes.at, what });
        }
        if steps.is_none() {
            if size > DEEPEST {
                return Err(Defect { at: sizes.at, what: format!("tree {index} has {size} levels") });
            }
            wanted = wanted.saturating_add(1 << size);
        }
    }
    let Some(leaves) = leaves else { return Ok(()) };
    sink.fact_number("parameters", leaves.count);
    if let Some(steps) = steps {
        return walkable(buffer, trees, &steps, splits, leaves.count);
    }
    let wanted = wanted.saturating_mul(dimension);
    if wanted != leaves.count {
        let what = format!("its trees have {wanted} values of leaves, {} are there", leaves.count);
        return Err(Defect { at: leaves.at, what });
    }
    Ok(())
}

/// Every step of a tree that is not oblivious leads to a node that is there, and every leaf to values that are.
fn walkable(
    buffer: &mut Flatbuffer<'_>,
    trees: &Table,
    steps: &Vector,
    splits: u64,
    leaves: u64,
) -> Result<(), Defect> {
    if steps.count != splits {
        return Err(Defect { at: steps.at, what: format!("{} nodes have steps, {splits} have splits", steps.count) });
    }
    let numbers = buffer.vector(trees, slot::LEAF_NUMBERS, 4)?;
    for index in 0..steps.count {
        // Two numbers of 16 bits: how far to the left and to the right child. Zero: the node is a leaf on that side.
        let step = entry(buffer, steps, index)?;
        for distance in [u64::from(step & 0xffff), u64::from(step >> 16)] {
            if index.saturating_add(distance) >= splits {
                let what = format!("node {index} leads {distance} nodes on, of {splits}");
                return Err(Defect { at: steps.at, what });
            }
        }
    }
    let Some(numbers) = numbers else { return Ok(()) };
    for index in 0..numbers.count {
        let leaf = entry(buffer, &numbers, index)?;
        if leaf != NO_LEAF && u64::from(leaf) >= leaves {
            let what = format!("node {index} has the values of leaf {leaf}, of {leaves}");
            return Err(Defect { at: numbers.at, what });
        }
    }
    Ok(())
}

fn entry(buffer: &mut Flatbuffer<'_>, vector: &Vector, index: u64) -> Result<u32, Defect> {
    buffer.u32_at(vector.at.saturating_add(4 * index))
}
