//! `#[conformance::test]`: a test whose verdict `conformance::judge` gives.
//!
//! In: a function without arguments, and what it covers, as `#[conformance::test(covers = ["/process/user/{uid,gid}"])]`.
//! Out: the same function as a libtest test, its body handed to `judge` with its full name and the list, so that a
//! known difference of one runtime, or a skip, can be told from a failure, and `make coverage` from a wish. A name that
//! is in none of the lists below `conformance/coverage` does not compile. It parses no Rust: the body is the last token
//! of a function, its name the word after `fn`, and the list the last group of the attribute.

mod names;

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Marks a function as a conformance test.
#[proc_macro_attribute]
pub fn test(attribute: TokenStream, function: TokenStream) -> TokenStream {
    let covers = match covers(attribute) {
        Ok(covers) => covers,
        Err(error) => return source(&format!("compile_error!({error:?});")),
    };
    let mut tokens: Vec<TokenTree> = function.into_iter().collect();
    let name = name_of(&tokens);
    let Some(TokenTree::Group(body)) = tokens.pop() else {
        return source("compile_error!(\"#[conformance::test] marks a function\");");
    };
    let mut arguments = source(&format!("concat!(module_path!(), \"::{name}\"), &{covers:?}, ||"));
    arguments.extend([TokenTree::Group(body)]);
    let mut judged = source("::conformance::judge");
    judged.extend([TokenTree::Group(Group::new(Delimiter::Parenthesis, arguments))]);
    let mut whole = source("#[::core::prelude::v1::test]");
    whole.extend(tokens);
    whole.extend([TokenTree::Group(Group::new(Delimiter::Brace, judged))]);
    whole
}

/// The fields and rules of `covers = ["…"]`; none where the attribute is bare.
fn covers(attribute: TokenStream) -> Result<Vec<String>, String> {
    let tokens: Vec<TokenTree> = attribute.into_iter().collect();
    let list = match tokens.as_slice() {
        [] => return Ok(Vec::new()),
        [TokenTree::Ident(word), TokenTree::Punct(_), TokenTree::Group(list)] if word.to_string() == "covers" => list,
        _ => return Err("only `covers = [\"/a/field\", \"a.rule\"]` is known here".to_owned()),
    };
    let literals = list.stream().into_iter().filter(|token| matches!(token, TokenTree::Literal(_)));
    let written = literals.map(|literal| literal.to_string().trim_matches('"').to_owned());
    let all: Vec<String> = written.flat_map(|name| names::expand(&name)).collect();
    match all.iter().find(|name| !names::known(name)) {
        Some(name) => Err(format!("`{name}` is in no list below conformance/coverage")),
        None => Ok(all),
    }
}

fn name_of(tokens: &[TokenTree]) -> String {
    let after_fn = tokens.iter().skip_while(|token| token.to_string() != "fn").nth(1);
    after_fn.map(ToString::to_string).unwrap_or_default()
}

fn source(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}
