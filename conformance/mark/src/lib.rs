//! `#[conformance::test]`: a test whose verdict `conformance::judge` gives.
//!
//! In: a function without arguments. Out: the same function as a libtest test, its body handed to `judge` with its
//! full name, so that a known difference of one runtime, or a skip, can be told from a failure. It parses no Rust: the
//! body is the last token of a function, and its name the word after `fn`.

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Marks a function as a conformance test.
#[proc_macro_attribute]
pub fn test(_: TokenStream, function: TokenStream) -> TokenStream {
    let mut tokens: Vec<TokenTree> = function.into_iter().collect();
    let name = name_of(&tokens);
    let Some(TokenTree::Group(body)) = tokens.pop() else {
        return source("compile_error!(\"#[conformance::test] marks a function\");");
    };
    let mut arguments = source(&format!("concat!(module_path!(), \"::{name}\"), ||"));
    arguments.extend([TokenTree::Group(body)]);
    let mut judged = source("::conformance::judge");
    judged.extend([TokenTree::Group(Group::new(Delimiter::Parenthesis, arguments))]);
    let mut whole = source("#[::core::prelude::v1::test]");
    whole.extend(tokens);
    whole.extend([TokenTree::Group(Group::new(Delimiter::Brace, judged))]);
    whole
}

fn name_of(tokens: &[TokenTree]) -> String {
    let after_fn = tokens.iter().skip_while(|token| token.to_string() != "fn").nth(1);
    after_fn.map(ToString::to_string).unwrap_or_default()
}

fn source(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}
