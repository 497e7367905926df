//! How the artifacts of a file hang together.

use modelaudit_engine::model::{FileReport, Span};

/// For each artifact of a file the index of what holds it; None for the file itself.
///
/// Artifacts come depth first, so what holds one is the nearest before it whose path is a beginning of its own: two members of one name
/// are not mixed up.
pub fn parents(file: &FileReport) -> Vec<Option<usize>> {
    let mut open: Vec<usize> = Vec::new();
    let mut parents = Vec::with_capacity(file.artifacts.len());
    for (index, artifact) in file.artifacts.iter().enumerate() {
        let holds = |&outer: &usize| {
            let outer = &file.artifacts[outer].path;
            outer.len() < artifact.path.len() && artifact.path.starts_with(outer)
        };
        while open.last().is_some_and(|last| !holds(last)) {
            open.pop();
        }
        parents.push(open.last().copied().or((index > 0).then_some(0)));
        open.push(index);
    }
    parents
}

/// For each artifact where its first byte stands in the file; None if it was unpacked first, so that its bytes are not the file's.
pub fn offsets(file: &FileReport, parents: &[Option<usize>]) -> Vec<Option<u64>> {
    let mut offsets: Vec<Option<u64>> = Vec::with_capacity(file.artifacts.len());
    for (artifact, parent) in file.artifacts.iter().zip(parents) {
        offsets.push(match parent {
            None => Some(0),
            Some(parent) => {
                let outer = offsets.get(*parent).copied().flatten();
                outer.zip(artifact.view).and_then(|(outer, view)| outer.checked_add(view.offset))
            }
        });
    }
    offsets
}

/// A range of an artifact as a range of the file, if the artifact's bytes are the file's own.
pub fn in_file(span: Span, offset: Option<u64>, file: &FileReport) -> Option<Span> {
    let offset = offset?.checked_add(span.offset)?;
    (offset.checked_add(span.length)? <= file.size).then_some(Span { offset, length: span.length })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{artifact, file};

    #[test]
    fn parents_are_the_nearest_that_fit() {
        let paths: [&[&str]; 7] =
            [&["f"], &["f", "a"], &["f", "a", "x"], &["f", "a"], &["f", "a", "y"], &["f", "b", "deep"], &["f", "c"]];
        let file = file(paths.iter().map(|p| artifact(p, "zip")).collect());
        assert_eq!(parents(&file), [None, Some(0), Some(1), Some(0), Some(3), Some(0), Some(0)]);
    }

    #[test]
    fn a_place_in_the_file_is_only_given_where_it_is_true() {
        let mut file = file(vec![
            artifact(&["f"], "zip"),
            artifact(&["f", "a"], "tar"),
            artifact(&["f", "a", "x"], ""),
            artifact(&["f", "b"], ""),
        ]);
        file.size = 1000;
        file.artifacts[1].view = Some(Span { offset: 100, length: 500 });
        file.artifacts[2].view = Some(Span { offset: 30, length: 40 });
        let offsets = offsets(&file, &parents(&file));
        assert_eq!(offsets, [Some(0), Some(100), Some(130), None]);
        let span = Span { offset: 5, length: 2 };
        assert_eq!(in_file(span, offsets[2], &file), Some(Span { offset: 135, length: 2 }));
        assert_eq!(in_file(span, offsets[3], &file), None);
        assert_eq!(in_file(Span { offset: u64::MAX, length: 2 }, offsets[2], &file), None);
        assert_eq!(in_file(Span { offset: 999, length: 2 }, offsets[0], &file), None);
    }
}
