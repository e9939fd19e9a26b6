use crate::config::*;
use crate::model::Role;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

const MINIMAL: &str = "party = \"XAA\"\nlisten = \"127.0.0.1:0\"\n[profile]\ndemo = true\n[[officer]]\nname = \"awa\"\nrole = \"officer\"\n";

fn parse_with(text: &str, log: Option<&str>) -> Result<GatewayConfig, ConfigError> {
    let layout = Layout::under(Path::new("/d"));
    let passwd = "root:x:0:0:root:/root:/bin/sh\nakosua:x:1001:100::/home/akosua:/bin/sh\n";
    GatewayConfig::parse(text, Path::new("/d/valise.toml"), &Surroundings { layout: &layout, passwd, log })
}

fn parse(text: &str) -> Result<GatewayConfig, ConfigError> {
    parse_with(text, None)
}

fn problems(text: &str) -> Vec<String> {
    parse(text).unwrap_err().problems().iter().map(ToString::to_string).collect()
}

fn officer(name: &str, uid: Option<u32>, role: Role) -> Officer {
    Officer { name: name.into(), uid, role, agency: None, key: None }
}

fn origin(config: &GatewayConfig, key: &str) -> String {
    let found: Vec<_> = config.settings.iter().filter(|s| s.key == key).collect();
    assert_eq!(found.len(), 1, "{key} is listed once");
    format!("{} ({})", found[0].value, found[0].origin)
}

#[test]
fn the_annotated_gateway_example_is_true() {
    let config = parse(include_str!("../../config/gateway.toml")).unwrap();
    assert_eq!(config.party.to_string(), "GHA");
    assert_eq!(config.clocks, Clocks { auto_acknowledge_days: 5, warn_ack_days: 2, warn_respond_days: 14 });
    assert_eq!(config.officers[1], officer("kwame", Some(1002), Role::Supervisor));
    assert_eq!(config.policy.table.approvals, 2);
    assert_eq!(config.policy.dead, []);
    assert!(config.settings.iter().all(|s| s.origin != Origin::Default), "the example names every setting");
}

fn parse_relay(text: &str) -> Result<RelayConfig, ConfigError> {
    let layout = Layout::under(Path::new("/d")).of_relay();
    RelayConfig::parse(text, &layout.config, &Surroundings { layout: &layout, passwd: "", log: None })
}

#[test]
fn the_annotated_relay_example_is_true_and_names_the_defaults() {
    let config = parse_relay(include_str!("../../config/relay.toml")).unwrap();
    let bare = parse_relay("party = \"org:relay-west\"\nlisten = \"0.0.0.0:4620\"\n").unwrap();
    assert_eq!((config.custody, config.quota, config.store), (bare.custody, bare.quota, bare.store));
    assert_eq!(config.socket, Path::new("/d/relay.sock"));
}

#[test]
fn short_custody_is_for_demos_only() {
    let text = |demo: bool, listen: &str| {
        let head = format!("party = \"org:relay-west\"\nlisten = \"{listen}:4620\"\n");
        format!("{head}[profile]\ndemo = {demo}\n[custody]\nretention_seconds = 2\n")
    };
    assert_eq!(parse_relay(&text(true, "127.0.0.1")).unwrap().custody.retention_seconds, 2);
    let refused = |text: String| parse_relay(&text).unwrap_err().problems()[0].key.clone();
    assert_eq!(refused(text(false, "127.0.0.1")), "custody.retention_seconds");
    assert_eq!(refused(text(true, "0.0.0.0")), "profile.demo");
}

#[test]
fn defaults_lie_below_the_data_folder_and_say_so() {
    let config = parse(MINIMAL).unwrap();
    assert_eq!(config.socket, Path::new("/d/gateway.sock"));
    assert_eq!(config.retry, Retry { first_seconds: 5, max_seconds: 3600, horizon_days: 60 });
    assert_eq!(origin(&config, "socket"), "/d/gateway.sock (flag --data)");
    assert_eq!(origin(&config, "party"), "XAA (/d/valise.toml:1)");
    assert_eq!(origin(&config, "clocks.warn_ack_days"), "2 (default)");
    assert_eq!(origin(&config, "log.filter"), "info (default)");
}

#[test]
fn a_variable_goes_before_the_files_log_filter() {
    let text = format!("{MINIMAL}[log]\nfilter = \"warn\"\n");
    assert_eq!(parse(&text).unwrap().log.filter, "warn");
    let config = parse_with(&text, Some("debug")).unwrap();
    assert_eq!(config.log.filter, "debug");
    assert_eq!(origin(&config, "log.filter"), "debug (environment VALISE_LOG)");
}

#[test]
fn all_problems_are_told_at_once_with_their_lines() {
    let text = "party = \"Ghana\"\nlissten = \"0.0.0.0:1\"\n[clocks]\nauto_acknowledge_days = 7\nwarn_ack_days = \"2\"\n[[officer]]\nname = \"Awa\"\nrole = \"chief\"\n";
    assert_eq!(
        problems(text),
        [
            "listen is missing (a UDP address such as 0.0.0.0:4620)",
            "officer is missing (nobody could use the gateway; add an [[officer]])",
            "line 1: party 'Ghana' is no party: expected an ISO 3166-1 alpha-3 code, 'GHA/desk' or 'org:name' (the NPC's ISO 3166-1 alpha-3 code, such as GHA)",
            "line 2: lissten is not a setting (did you mean `listen`?)",
            "line 4: clocks.auto_acknowledge_days is 7; it must be 1 to 6 (it must leave before the seven days of ISACS 8.3.1 end)",
            "line 5: clocks.warn_ack_days is a string; it must be a whole number (within the seven days of ISACS 8.3.1)",
            "line 6: officer[0].name 'Awa' is no name (1 to 32 lowercase letters, digits or inner hyphens)",
            "line 6: officer[0].user needs one of uid and user (it ties the officer to an account)",
            "line 8: officer[0].role is 'chief'; it must be one of: clerk, officer, supervisor, auditor (see `gateway.toml` in config/)",
        ]
    );
}

#[test]
fn broken_toml_names_each_line() {
    let told = problems("party = \"XAA\nlisten = \n[clocks\n");
    assert!(told.len() > 1 && told.iter().any(|p| p.starts_with("line 2: ")), "{told:?}");
}

#[test]
fn a_demo_never_speaks_for_a_state_nor_off_loopback() {
    let told = problems(&MINIMAL.replace("XAA", "GHA").replace("127.0.0.1", "0.0.0.0"));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("real party") && told[1].contains("off loopback"), "{told:?}");
}

#[test]
fn outside_a_demo_every_officer_has_an_account_of_their_own() {
    let base = "party = \"GHA\"\nlisten = \"0.0.0.0:4620\"\n";
    let officer =
        |name: &str, login: &str| format!("[[officer]]\nname = \"{name}\"\nrole = \"clerk\"\n{login}\n");
    let by_name = parse(&(base.to_owned() + &officer("awa", "user = \"akosua\""))).unwrap();
    assert_eq!(by_name.officers[0].uid, Some(1001));
    let told =
        problems(&(base.to_owned() + &officer("awa", "uid = 1001") + &officer("kofi", "user = \"akosua\"")));
    assert!(told[0].contains("another officer's account"), "{told:?}");
    let told = problems(&(base.to_owned() + &officer("awa", "user = \"nobody-here\"")));
    assert!(told[0].contains("no local account"), "{told:?}");
    let told = problems(&(base.to_owned() + &officer("awa", "uid = 1\nuser = \"akosua\"")));
    assert!(told[0].contains("one of uid and user"), "{told:?}");
}

#[test]
fn more_officers_than_there_are_can_never_agree() {
    let told = problems(&format!("{MINIMAL}[policy]\napprovals = 2\n"));
    assert!(told[0].contains("1 of the officers may act"), "{told:?}");
    let two = format!("{MINIMAL}[[officer]]\nname = \"kofi\"\nrole = \"supervisor\"\n[policy]\n");
    assert_eq!(parse(&two).unwrap().policy.table.approvals, 1, "a demo asks for one unless it is told");
    assert_eq!(parse(&(two + "approvals = 2\n")).unwrap().policy.table.approvals, 2);
    let real = MINIMAL.replace("[profile]\ndemo = true\n", "") + "uid = 1\n";
    assert!(problems(&real)[0].contains("choose 1 explicitly"), "two is the default outside a demo");
    assert_eq!(
        parse(&(real + "[policy]\napprovals = 1\nrelease_approvals = 1\n")).unwrap().policy.table.approvals,
        1
    );
}

#[test]
fn rows_of_policy_are_read_and_judged() {
    let rows = |rows: &str| format!("{MINIMAL}agency = \"police\"\n{rows}");
    let row = "[[policy.rule]]\nname = \"no-refusal\"\nrole = \"officer\"\nagency = \"police\"\nact = [\"refusal\"]\n\
               recipient = [\"XBB\"]\nforbid = true\n";
    let config = parse(&rows(row)).unwrap();
    assert_eq!(config.policy.table.rows[0].name, "no-refusal");
    assert_eq!(config.policy.dead, []);
    let dead = parse(&rows(&row.replace("police\"\nact", "navy\"\nact"))).unwrap().policy.dead;
    assert_eq!(dead[0].row, "no-refusal");
    let otherwise = row.replace("no-refusal", "other").replace("forbid = true", "approvals = 1");
    for (text, told) in [
        (format!("{row}{otherwise}"), "says otherwise of the same"),
        (row.replace("forbid = true", "approvals = 4"), "asks for 4 officers"),
        (row.replace("forbid = true\n", ""), "one of approvals and forbid"),
        (row.replace("refusal\"]", "shouting\"]"), "it must be one of"),
    ] {
        let found = problems(&rows(&text));
        assert!(found.iter().any(|problem| problem.contains(told)), "{told}: {found:?}");
    }
}

#[test]
fn a_route_is_given_once_and_leads_to_a_port() {
    let route = |party: &str, address: &str| {
        format!("{MINIMAL}[[route]]\nparty = \"{party}\"\naddress = \"{address}\"\n")
    };
    let six = Address { host: "2001:db8::1".into(), port: 4620 };
    assert_eq!(parse(&route("BFA", "[2001:db8::1]:4620")).unwrap().routes[0].1, six.into());
    let twice = route("BFA", "a:1") + &route("BFA", "b:1").replace(MINIMAL, "");
    assert!(problems(&twice)[0].contains("repeats BFA"));
    for bad in ["host", "host:0", "host:70000", ":1", "a b:1", "[zz]:1", "::1:4620"] {
        assert!(parse(&route("BFA", bad)).is_err(), "{bad}");
    }
}

#[test]
fn profiles_find_the_demo_where_it_was_started() {
    let mut environment = Environment { state_home: Some("/s".into()), ..Environment::default() };
    let socket = |environment: &Environment| {
        Layout::choose(None, Some("demo-xaa"), environment).map(|l| l.socket.display().to_string()).unwrap()
    };
    assert_eq!(socket(&environment), "/s/valise/demo/xaa/gateway.sock");
    environment.demo_noted = Some("/noted".into());
    assert_eq!(socket(&environment), "/noted/xaa/gateway.sock");
    environment.demo_data = Some("/env".into());
    assert_eq!(socket(&environment), "/env/xaa/gateway.sock");
    for bad in ["demo", "demo-", "demo-../x", "demo-XAA", "other"] {
        assert!(
            matches!(Layout::choose(None, Some(bad), &environment), Err(ConfigError::UnknownProfile(_))),
            "{bad}"
        );
    }
}

#[test]
fn a_service_follows_the_fhs_and_takes_systemds_credential() {
    let environment = Environment {
        credentials: Some("/run/credentials/v".into()),
        service: true,
        ..Environment::default()
    };
    let layout = Layout::choose(None, None, &environment).unwrap();
    assert_eq!(layout.socket, Path::new("/run/valise/gateway.sock"));
    assert_eq!(layout.credential, PathBuf::from("/run/credentials/v/valise"));
    assert_eq!(layout.store(), Path::new("/var/lib/valise/store"));
    let nobody = Environment::default();
    assert!(matches!(Layout::choose(None, None, &nobody), Err(ConfigError::NoHome)));
}

#[test]
fn a_draft_is_read_back_as_it_was_meant() {
    let authority = Authority { name: "customs".into(), kind: AuthorityKind::Competent, designated: false };
    let drafted = |user: Option<&str>| DraftOfficer {
        name: "akosua".into(),
        role: Role::Auditor,
        user: user.map(str::to_owned),
        key: None,
    };
    let mut draft = Draft {
        relays: vec!["org:relay-west".parse().unwrap()],
        party: "XAA".parse().unwrap(),
        listen: "127.0.0.1:4620".parse().unwrap(),
        officers: vec![drafted(None)],
        authorities: vec![authority.clone()],
        address: None,
        demo: true,
        approvals: 1,
    };
    let config = parse(&draft.to_toml()).unwrap();
    assert_eq!((config.party, config.listen, config.demo), (draft.party.clone(), draft.listen, true));
    assert_eq!(config.authorities, [authority]);
    assert_eq!(config.officers, [officer("akosua", None, Role::Auditor)]);
    draft.demo = false;
    assert_eq!(parse(&draft.to_toml()).unwrap().officers[0].uid, Some(1001), "by the officer's own name");
    draft.officers = vec![drafted(Some("root"))];
    assert_eq!(parse(&draft.to_toml()).unwrap().officers[0].uid, Some(0));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(?s).{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_value_of_a_known_key_makes_the_reader_panic(
        key in "(party|listen|data|clocks|officer|retry|log|profile|policy)", value in "[\\[\\]{}a-z0-9\"=., -]{0,20}"
    ) {
        let _ = parse(&format!("{key} = {value}\n"));
    }
}
