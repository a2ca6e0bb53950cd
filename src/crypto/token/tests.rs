//! A token is taken from whoever holds the key, within its time, for its room, and in no other form.

use proptest::prelude::*;
use ring::rand::SystemRandom;

use super::*;

const NOW: u64 = 1_700_000_000;

fn claims() -> Claims {
    Claims { room: "stand-up".into(), user: "zoë".into(), publish: true, host: true, issued: NOW, expires: NOW + 3600 }
}

fn ed25519() -> AuthKey {
    AuthKey::from_file_text(&AuthKey::generate_ed25519(&SystemRandom::new()).unwrap()).unwrap()
}

fn hs256() -> AuthKey {
    AuthKey::from_file_text(&AuthKey::generate_hs256(&SystemRandom::new()).unwrap()).unwrap()
}

/// A token with any header and payload, signed rightly.
pub(super) fn forge(key: &AuthKey, header: &str, payload: &str) -> String {
    let signed =
        format!("{}.{}", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(payload.as_bytes()));
    let signature = match &key.kind {
        Kind::Private(pair) => BASE64URL_NOPAD.encode(pair.sign(signed.as_bytes()).as_ref()),
        Kind::Shared(key) => BASE64URL_NOPAD.encode(hmac::sign(key, signed.as_bytes()).as_ref()),
        Kind::Public(_) => String::new(),
    };
    format!("{signed}.{signature}")
}

#[test]
fn a_token_is_checked_by_the_key_that_signed_it_and_by_its_public_half() {
    for key in [ed25519(), hs256()] {
        let token = key.sign(&claims()).unwrap();
        assert_eq!(key.verify(&token, NOW), Ok(claims()), "{key:?}");
    }
    let private = ed25519();
    let public = AuthKey::from_file_text(&private.public_text().unwrap()).unwrap();
    assert_eq!(public.verify(&private.sign(&claims()).unwrap(), NOW), Ok(claims()));
    assert_eq!(public.sign(&claims()), Err(TokenError::CannotSign));
}

#[test]
fn the_signed_token_of_rfc_7515_appendix_a1_has_a_good_signature_and_no_room() {
    let key = "hs256:AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let parts = [
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l\
         eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ];
    let token = parts.join(".");
    let error = AuthKey::from_file_text(key).unwrap().verify(&token, NOW).unwrap_err();
    assert!(matches!(&error, TokenError::Claims(text) if text.contains("room")), "{error:?}");
}

#[test]
fn another_key_does_not_take_it() {
    assert_eq!(ed25519().verify(&ed25519().sign(&claims()).unwrap(), NOW), Err(TokenError::Signature));
    assert_eq!(hs256().verify(&hs256().sign(&claims()).unwrap(), NOW), Err(TokenError::Signature));
}

#[test]
fn the_key_decides_the_algorithm_and_the_token_has_no_say() {
    let private = ed25519();
    let public_text = private.public_text().unwrap();
    let public = AuthKey::from_file_text(&public_text).unwrap();
    let payload = format!(r#"{{"room":"r","exp":{}}}"#, NOW + 60);
    // The classic: HMAC with the public key as its secret.
    for secret in [public_text.as_bytes(), &public_text.as_bytes()[..public_text.len() - 1]] {
        let confused = AuthKey::from_file_text(&format!("hs256:{}", data_encoding::BASE64.encode(secret))).unwrap();
        let token = forge(&confused, r#"{"alg":"HS256"}"#, &payload);
        assert_eq!(public.verify(&token, NOW), Err(TokenError::Algorithm("EdDSA")));
        let token = forge(&confused, r#"{"alg":"EdDSA"}"#, &payload);
        assert_eq!(public.verify(&token, NOW), Err(TokenError::Signature));
    }
    let rightly_signed = |header| forge(&private, header, &payload);
    for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS256"}"#, r#"{"alg":"eddsa"}"#, r#"{"alg":"EdDSA","crit":["x"]}"#] {
        assert_eq!(public.verify(&rightly_signed(header), NOW), Err(TokenError::Algorithm("EdDSA")), "{header}");
    }
    let unsigned = forge(&public, r#"{"alg":"EdDSA"}"#, &payload);
    assert_eq!(public.verify(&unsigned, NOW), Err(TokenError::Signature));
    assert!(public.verify(&rightly_signed(r#"{"alg":"EdDSA"}"#), NOW).is_ok());
}

#[test]
fn times_count_with_two_minutes_of_leeway() {
    let key = hs256();
    let token = key.sign(&claims()).unwrap();
    assert!(key.verify(&token, NOW + 3600 + 119).is_ok());
    assert_eq!(key.verify(&token, NOW + 3600 + 120), Err(TokenError::Expired(120)));
    assert!(key.verify(&token, NOW - 120).is_ok());
    assert_eq!(key.verify(&token, NOW - 121), Err(TokenError::NotYet(121)));
    let later =
        forge(&key, r#"{"alg":"HS256"}"#, &format!(r#"{{"room":"r","nbf":{},"exp":{}}}"#, NOW + 500, NOW + 900));
    assert_eq!(key.verify(&later, NOW), Err(TokenError::NotYet(500)));
}

#[test]
fn what_a_token_does_not_say_has_a_default_and_unknown_claims_are_skipped() {
    let key = hs256();
    let payload = format!(r#"{{"room":"r","name":"zoë","iss":["x"],"exp":{}}}"#, NOW + 60);
    let claims = key.verify(&forge(&key, r#"{"alg":"HS256","kid":"1"}"#, &payload), NOW).unwrap();
    let expected =
        Claims { room: "r".into(), user: "zoë".into(), publish: true, host: false, issued: 0, expires: NOW + 60 };
    assert_eq!(claims, expected);
}

#[test]
fn a_token_without_end_or_room_or_with_a_bad_one_is_refused() {
    let key = hs256();
    for payload in [
        r#"{"room":"r"}"#.to_owned(),
        format!(r#"{{"exp":{}}}"#, NOW + 60),
        format!(r#"{{"room":"","exp":{}}}"#, NOW + 60),
        format!(r#"{{"room":"r","room":"s","exp":{}}}"#, NOW + 60),
        format!(r#"{{"room":"r","sub":"{}","exp":{}}}"#, "u".repeat(129), NOW + 60),
        format!(r#"{{"room":"r","exp":-{}}}"#, NOW),
        "[]".to_owned(),
    ] {
        assert!(key.verify(&forge(&key, r#"{"alg":"HS256"}"#, &payload), NOW).is_err(), "{payload}");
    }
    assert!(key.sign(&Claims { room: " ".into(), ..claims() }).is_err());
    assert!(key.sign(&Claims { user: "u".repeat(129), ..claims() }).is_err());
    assert_eq!(key.verify(&"x".repeat(limits::TOKEN_BYTES + 1), NOW), Err(TokenError::TooLong(4097)));
}

#[test]
fn every_cut_and_every_flipped_bit_is_an_error() {
    for key in [ed25519(), hs256()] {
        let token = key.sign(&claims()).unwrap();
        for len in 0..token.len() {
            assert!(key.verify(&token[..len], NOW).is_err(), "{len}");
        }
        for bit in 0..token.len() * 8 {
            let mut bytes = token.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(key.verify(&changed, NOW).is_err(), "{bit} of {key:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}", now: u64) {
        prop_assert!(hs256().verify(&text, now).is_err());
    }

    #[test]
    fn no_signed_content_panics(header in "\\PC{0,40}", payload in "\\PC{0,60}", now: u64) {
        let key = hs256();
        let _ = key.verify(&forge(&key, &header, &payload), now);
        let _ = key.verify(&forge(&key, r#"{"alg":"HS256"}"#, &payload), now);
    }
}

/// RFC 8037 appendix A: the key (A.1), its thumbprint (A.3) and the signed message (A.4).
#[test]
fn the_key_and_the_signature_of_rfc_8037_are_what_we_make() {
    let seed = BASE64URL_NOPAD.decode(b"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let pem =
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", data_encoding::BASE64.encode(&seed));
    let key = AuthKey::from_file_text(&pem).unwrap();
    assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(forge(&key, r#"{"alg":"EdDSA"}"#, "Example of Ed25519 signing"), format!("{signed}.{signature}"));
    let error = key.verify(&format!("{signed}.{signature}"), NOW).unwrap_err();
    assert!(matches!(error, TokenError::Claims(_)), "its signature is good, its content is no claims: {error:?}");
    let public = AuthKey::from_file_text(&key.public_text().unwrap()).unwrap();
    assert_eq!(public.id(), key.id());
}

#[test]
fn a_token_names_its_key_and_an_hs256_key_shows_nothing_by_its_name() {
    for key in [ed25519(), hs256()] {
        let (header, payload) = read_unchecked(&key.sign_from(&claims(), NOW + 500).unwrap()).unwrap();
        assert_eq!(header["kid"], key.id());
        assert_eq!(payload["nbf"], NOW + 500);
    }
    assert_ne!(hs256().id(), hs256().id());
}

#[test]
fn a_table_of_times_and_audiences() {
    let (end, early, late) = (NOW + 60, NOW - 60, NOW + 500);
    let rows: [(String, Result<(), TokenError>); 11] = [
        (format!(r#""exp":{end}.75"#), Ok(())),
        (format!(r#""exp":{}e1,"iat":{early}.5"#, end / 10), Ok(())),
        (format!(r#""exp":{end},"nbf":{early}"#), Ok(())),
        (format!(r#""exp":{late},"nbf":{}.5"#, NOW + 120), Err(TokenError::NotYet(121))),
        (format!(r#""exp":{late},"iat":{}"#, NOW + 121), Err(TokenError::NotYet(121))),
        (format!(r#""exp":{}"#, NOW - 120), Err(TokenError::Expired(120))),
        (format!(r#""exp":{end},"aud":"nearcall""#), Ok(())),
        (format!(r#""exp":{end},"aud":["other","nearcall"]"#), Ok(())),
        (format!(r#""exp":{end},"aud":"other""#), Err(TokenError::Audience)),
        (format!(r#""exp":{end},"aud":[]"#), Err(TokenError::Audience)),
        (format!(r#""exp":{end},"aud":["Nearcall"]"#), Err(TokenError::Audience)),
    ];
    let key = hs256();
    for (claims, expected) in rows {
        let token = forge(&key, r#"{"alg":"HS256"}"#, &format!(r#"{{"room":"r",{claims}}}"#));
        assert_eq!(key.verify(&token, NOW).map(drop), expected, "{claims}");
    }
    for claims in [r#""exp":"1800000000""#, r#""exp":-1.5"#, r#""exp":null"#] {
        let token = forge(&key, r#"{"alg":"HS256"}"#, &format!(r#"{{"room":"r",{claims}}}"#));
        assert!(matches!(key.verify(&token, NOW), Err(TokenError::Claims(_))), "{claims}");
    }
}

#[test]
fn a_header_that_says_a_thing_twice_is_malformed() {
    let key = hs256();
    let token = forge(&key, r#"{"alg":"none","alg":"HS256"}"#, &format!(r#"{{"room":"r","exp":{}}}"#, NOW + 60));
    assert_eq!(key.verify(&token, NOW), Err(TokenError::Malformed));
}
