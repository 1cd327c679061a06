CREATE TABLE public.audit (
    audit_id text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    who text NOT NULL COLLATE pg_catalog."C",
    action text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.expected (
    sweep_id text NOT NULL COLLATE pg_catalog."C",
    name_key text NOT NULL COLLATE pg_catalog."C",
    short_key text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    seen bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.finding (
    report_id text NOT NULL COLLATE pg_catalog."C",
    finding_id text NOT NULL COLLATE pg_catalog."C",
    sweep_id text NOT NULL COLLATE pg_catalog."C",
    host_key text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    indicator_id text NOT NULL COLLATE pg_catalog."C",
    indicator_type text NOT NULL COLLATE pg_catalog."C",
    indicator_value text NOT NULL COLLATE pg_catalog."C",
    pack text NOT NULL COLLATE pg_catalog."C",
    strength text NOT NULL COLLATE pg_catalog."C",
    score bigint NOT NULL,
    title text NOT NULL COLLATE pg_catalog."C",
    "time" bigint NOT NULL,
    suppression_id text COLLATE pg_catalog."C"
);
CREATE TABLE public.host (
    sweep_id text NOT NULL COLLATE pg_catalog."C",
    host_key text NOT NULL COLLATE pg_catalog."C",
    host_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    name_key text NOT NULL COLLATE pg_catalog."C",
    fqdn text NOT NULL COLLATE pg_catalog."C",
    fqdn_key text NOT NULL COLLATE pg_catalog."C",
    domain text NOT NULL COLLATE pg_catalog."C",
    os text NOT NULL COLLATE pg_catalog."C",
    ip text NOT NULL COLLATE pg_catalog."C",
    agent text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    base text NOT NULL COLLATE pg_catalog."C",
    hit bigint NOT NULL,
    suppressed bigint NOT NULL,
    reasons text NOT NULL COLLATE pg_catalog."C",
    strong bigint NOT NULL,
    weak bigint NOT NULL,
    reports bigint NOT NULL,
    report_id text NOT NULL COLLATE pg_catalog."C",
    first_received bigint NOT NULL,
    last_received bigint NOT NULL,
    finished bigint NOT NULL,
    sources text NOT NULL COLLATE pg_catalog."C",
    flagged bigint NOT NULL
);
CREATE TABLE public.numbering (
    name text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL
);
CREATE TABLE public.report (
    report_id text NOT NULL COLLATE pg_catalog."C",
    seq bigint,
    sweep_id text NOT NULL COLLATE pg_catalog."C",
    host_key text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    strong bigint NOT NULL,
    weak bigint NOT NULL,
    excluded bigint NOT NULL,
    started bigint NOT NULL,
    finished bigint NOT NULL,
    received bigint NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    size bigint NOT NULL,
    indexed bigint NOT NULL,
    body bytea NOT NULL
);
CREATE TABLE public.schema_version (
    name text NOT NULL,
    version bigint NOT NULL
);
CREATE TABLE public.setting (
    name text NOT NULL COLLATE pg_catalog."C",
    value bytea NOT NULL
);
CREATE TABLE public.sink (
    name text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    updated bigint NOT NULL,
    error text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.suppression (
    suppression_id text NOT NULL COLLATE pg_catalog."C",
    sweep_id text NOT NULL COLLATE pg_catalog."C",
    indicator_id text NOT NULL COLLATE pg_catalog."C",
    host_key text COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    who text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    lifted bigint
);
CREATE TABLE public.sweep (
    sweep_id text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL COLLATE pg_catalog."C",
    pack text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    deadline bigint
);
CREATE TABLE public.token (
    digest bytea NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    sweep_id text COLLATE pg_catalog."C",
    label text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    expires bigint,
    revoked bigint,
    CONSTRAINT token_kind_check CHECK ((kind = ANY (ARRAY['sweep'::text, 'reader'::text])))
);
INSERT INTO public.audit (audit_id, at, who, action, subject, detail) VALUES ('be08fafd-5103-433c-a895-07d490271973', 1795903087142, 'first start', 'create sweep', 'first', 'first sweep');
INSERT INTO public.audit (audit_id, at, who, action, subject, detail) VALUES ('f4fc85c5-0394-4b92-98d0-05393514b60b', 1795903087145, 'first start', 'create sweep token', 'first', 'first');
INSERT INTO public.audit (audit_id, at, who, action, subject, detail) VALUES ('c0a7e177-6ae9-4cc3-a575-acb4d3cd3ded', 1795903087147, 'first start', 'create reader token', '', 'first');
INSERT INTO public.audit (audit_id, at, who, action, subject, detail) VALUES ('fad532e5-157b-4862-91fe-9fd700f25f18', 1795903088662, 'command line', 'import expected hosts', 'first', '5 new');
INSERT INTO public.audit (audit_id, at, who, action, subject, detail) VALUES ('1d48db85-21a5-4e28-a49a-474b3e1e7575', 1795903090095, 'Jo', 'suppress', 'first lab *', 'the lab''s own copy');
INSERT INTO public.expected (sweep_id, name_key, short_key, name, seen) VALUES ('first', 'lab-01', 'lab-01', 'LAB-01', 0);
INSERT INTO public.expected (sweep_id, name_key, short_key, name, seen) VALUES ('first', 'ws-0001', 'ws-0001', 'WS-0001', 1);
INSERT INTO public.expected (sweep_id, name_key, short_key, name, seen) VALUES ('first', 'ws-0421', 'ws-0421', 'WS-0421', 1);
INSERT INTO public.expected (sweep_id, name_key, short_key, name, seen) VALUES ('first', 'ws-0420', 'ws-0420', 'WS-0420', 1);
INSERT INTO public.expected (sweep_id, name_key, short_key, name, seen) VALUES ('first', 'ws-0002', 'ws-0002', 'WS-0002', 1);
INSERT INTO public.finding (report_id, finding_id, sweep_id, host_key, name, indicator_id, indicator_type, indicator_value, pack, strength, score, title, "time", suppression_id) VALUES ('0193a100-0000-7000-8000-000000000002', '149b1c5d-0794-534c-a311-546433a6e9fc', 'first', 'id-ws-0421|ws-0421', 'WS-0421', 'ip', 'file_name', '95.216.59.92', 'cyzfc-2018-11', 'weak', 40, '95.216.59.92 in the DNS cache', 1795528920000, NULL);
INSERT INTO public.finding (report_id, finding_id, sweep_id, host_key, name, indicator_id, indicator_type, indicator_value, pack, strength, score, title, "time", suppression_id) VALUES ('0193a100-0000-7000-8000-000000000002', 'f91eafe9-731b-559c-aa8e-f2ce623eb7fc', 'first', 'id-ws-0421|ws-0421', 'WS-0421', 'dll-name', 'file_name', 'cyzfc.dat', 'cyzfc-2018-11', 'confirmed', 95, 'rundll32.exe 4312 runs C:\Users\jo\AppData\Local\cyzfc.dat', 1795528920000, NULL);
INSERT INTO public.finding (report_id, finding_id, sweep_id, host_key, name, indicator_id, indicator_type, indicator_value, pack, strength, score, title, "time", suppression_id) VALUES ('0193a100-0000-7000-8000-000000000002', 'fe569536-9be0-50de-8edf-70266d04e134', 'first', 'id-ws-0421|ws-0421', 'WS-0421', 'cmd', 'file_name', 'cyzfc.dat', 'cyzfc-2018-11', 'excluded', 40, 'a known task', 1795528920000, NULL);
INSERT INTO public.finding (report_id, finding_id, sweep_id, host_key, name, indicator_id, indicator_type, indicator_value, pack, strength, score, title, "time", suppression_id) VALUES ('0193a100-0000-7000-8000-000000000007', '5b973bdf-d351-5d6f-a8fa-7e437903318e', 'first', 'id-ws\x00\x1b[31m\u202e\ud800<script>|ws\x00\x1b[31m\u202e\ud800<script>', 'WS\x00\x1b[31m\u202e\ud800<script>', 'dll-name', 'file_name', 'cyzfc.dat', 'cyzfc-2018-11', 'weak', 40, '=1+1\ud800', 1795528920000, NULL);
INSERT INTO public.finding (report_id, finding_id, sweep_id, host_key, name, indicator_id, indicator_type, indicator_value, pack, strength, score, title, "time", suppression_id) VALUES ('0193a100-0000-7000-8000-000000000003', '6cf24600-21d7-5907-a9c0-31298f40b981', 'first', 'id-ws-0420|ws-0420', 'WS-0420', 'lab', 'file_name', 'lab.dat', 'cyzfc-2018-11', 'confirmed', 95, 'rundll32.exe 4312 runs C:\Users\jo\AppData\Local\cyzfc.dat', 1795528920000, '0243f6b7-f2b1-45a2-8d50-a36c89e09be7');
INSERT INTO public.host (sweep_id, host_key, host_id, name, name_key, fqdn, fqdn_key, domain, os, ip, agent, state, base, hit, suppressed, reasons, strong, weak, reports, report_id, first_received, last_received, finished, sources, flagged) VALUES ('first', 'id-ws-0001|ws-0001', 'id-WS-0001', 'WS-0001', 'ws-0001', '', 'ws-0001.corp.example', 'corp.example', 'Windows 11 23H2 10.0.22631', '10.4.1.21, fe80::1', '0.1.0 release one-dir', 'clean', 'clean', 0, 0, '', 0, 0, 1, '0193a100-0000-7000-8000-000000000001', 1795903089021, 1795903089021, 1795528920000, '127.0.0.1', 0);
INSERT INTO public.host (sweep_id, host_key, host_id, name, name_key, fqdn, fqdn_key, domain, os, ip, agent, state, base, hit, suppressed, reasons, strong, weak, reports, report_id, first_received, last_received, finished, sources, flagged) VALUES ('first', 'id-ws-0422|ws-0422', 'id-WS-0422', 'WS-0422', 'ws-0422', '', 'ws-0422.corp.example', 'corp.example', 'Windows 11 23H2 10.0.22631', '10.4.1.21, fe80::1', '0.1.0 release one-dir', 'incomplete', 'incomplete', 0, 0, 'processes partial (3 protected by Windows (PPL))', 0, 0, 1, '0193a100-0000-7000-8000-000000000004', 1795903089167, 1795903089167, 1795528920000, '127.0.0.1', 0);
INSERT INTO public.host (sweep_id, host_key, host_id, name, name_key, fqdn, fqdn_key, domain, os, ip, agent, state, base, hit, suppressed, reasons, strong, weak, reports, report_id, first_received, last_received, finished, sources, flagged) VALUES ('first', 'id-ws-0423|ws-0423', 'id-WS-0423', 'WS-0423', 'ws-0423', '', 'ws-0423.corp.example', 'corp.example', 'Windows 11 23H2 10.0.22631', '10.4.1.21, fe80::1', '0.1.0 release one-dir', 'failed', 'failed', 0, 0, 'processes partial (3 sweep was interrupted)', 0, 0, 1, '0193a100-0000-7000-8000-000000000005', 1795903089203, 1795903089203, 1795528920000, '127.0.0.1', 0);
INSERT INTO public.host (sweep_id, host_key, host_id, name, name_key, fqdn, fqdn_key, domain, os, ip, agent, state, base, hit, suppressed, reasons, strong, weak, reports, report_id, first_received, last_received, finished, sources, flagged) VALUES ('first', 'id-ws-0002|ws-0002', 'id-WS-0002', 'WS-0002', 'ws-0002', '', 'ws-0002.corp.example', 'corp.example', 'Windows 11 23H2 10.0.22631', '10.4.1.21, fe80::1', '0.1.0 release one-dir', 'clean', 'clean', 0, 0, '', 0, 0, 1, '0193a100-0000-7000-8000-000000000006', 1795903089259, 1795903089259, 1795528920000, '127.0.0.1', 0);
INSERT INTO public.host (sweep_id, host_key, host_id, name, name_key, fqdn, fqdn_key, domain, os, ip, agent, state, base, hit, suppressed, reasons, strong, weak, reports, report_id, first_received, last_received, finished, sources, flagged) VALUES ('first', 'id-ws\x00\x1b[31m\u202e\ud800<script>|ws\x00\x1b[31m\u202e\ud800<script>', 'id-WS\x00\x1b[31m\u202e\ud800<script>', 'WS\x00\x1b[31m\u202e\ud800<script>', 'ws\x00\x1b[31m\u202e\ud800<script>', '', 'ws\x00\x1b[31m\u202e\ud800<script>.corp.example', 'corp.example', 'Windows 11 23H2 10.0.22631', '10.4.1.21, fe80::1', '0.1.0 release one-dir', 'clean', 'clean', 0, 0, '', 0, 1, 1, '0193a100-0000-7000-8000-000000000007', 1795903089262, 1795903089262, 1795528920000, '127.0.0.1', 0);
INSERT INTO public.host (sweep_id, host_key, host_id, name, name_key, fqdn, fqdn_key, domain, os, ip, agent, state, base, hit, suppressed, reasons, strong, weak, reports, report_id, first_received, last_received, finished, sources, flagged) VALUES ('first', 'id-ws-0421|ws-0421', 'id-WS-0421', 'WS-0421', 'ws-0421', '', 'ws-0421.corp.example', 'corp.example', 'Windows 11 23H2 10.0.22631', '10.4.1.21, fe80::1', '0.1.0 release one-dir', 'hit', 'clean', 1, 0, '', 1, 1, 2, '0193a100-0000-7000-8000-000000000002', 1795903089101, 1795903089266, 1795532520000, '127.0.0.1', 0);
INSERT INTO public.host (sweep_id, host_key, host_id, name, name_key, fqdn, fqdn_key, domain, os, ip, agent, state, base, hit, suppressed, reasons, strong, weak, reports, report_id, first_received, last_received, finished, sources, flagged) VALUES ('first', 'id-ws-0420|ws-0420', 'id-WS-0420', 'WS-0420', 'ws-0420', '', 'ws-0420.corp.example', 'corp.example', 'Windows 11 23H2 10.0.22631', '10.4.1.21, fe80::1', '0.1.0 release one-dir', 'clean', 'clean', 1, 1, '', 1, 0, 1, '0193a100-0000-7000-8000-000000000003', 1795903089130, 1795903089130, 1795528920000, '127.0.0.1', 0);
INSERT INTO public.numbering (name, seq) VALUES ('report', 0);
INSERT INTO public.report (report_id, seq, sweep_id, host_key, name, state, strong, weak, excluded, started, finished, received, source, digest, size, indexed, body) VALUES ('0193a100-0000-7000-8000-000000000001', NULL, 'first', 'id-ws-0001|ws-0001', 'WS-0001', 'clean', 0, 0, 0, 1795528920000, 1795528920000, 1795903089021, '127.0.0.1', '\xc186a76b859fcfec5ba736c1e8a7c88923ae67e03e0b72e1abb6ff27f979cf38', 1479, 1, '\x1f8b0800714e0b6b02ffa554c16edb300cbdef2b029d634f72bc34f517ecbe01035614862ad1b15059f224396957f8df472a4993145881a23a04164591eff13de58545d5c32059c38c57710f309601461fd257c196ecf0d91a8de75cdcaea4e0bce0b88a1bfad9f0e3f6b8e84aae71b8a19eff76aaa878b5c6b8dc824bac79613b08d17847154b51723c7a988ca5fc001664048c743e0c18f00e0a6d0255ed65f56d4d773eb9d8bc64bd8f1949066974f1eb477104efe400183b077ca4c453d838edf77121c4a25a7daff0f8cc45f0929755b55e09eaa0fd200d85950f63094f72182df132236bee28b746ea1535e860c39b46b07b9c5050bd49a0d214a89b1cf4bac60c1cca4e2640ac294cb0645352adefba08a91d8c9b1220c435c7a649862d64628f08142b58b30342334af588497747c62759c4a610e28a0449550a44565f8e5c7c72116fa78d92c90784b1e13392852765276a8b1137598bfd107fa6996120b4a2aa7f8abae155c3f96f1a957126f6ef65f8311d2abeb001061f9e89adc4de5ad2987044bd0f7edaf6ace9a48d3067f2082d51229acf618ef21843b7e681453f05456a74c6e60a01fe4c269cd540d409b2d024712291496ee3284554bc5ead043afc39cb54bfda9064956304dd0e18af04450248d513766f359043ff47d3c1fe9df3795e5ee01e835710e3c7b157a2be06b91288d1efd127e2aa8376b155881c3e3c1db1b9866ac63730b348e72a93933b69ac7cb0875e3266b151a6c337a6389f16a93771315a99f2bfc87c4f76bb34e0e91d686b8bfcb2d11738cf2bc1069954b61a2788391d5fb42d7a901ac2c50d7e957b9f5daa8ddb521fdce1189c3abc5eda0638b0cd1655e3d4d25ccb6ac9f6d25adadc94b7f85e413eb621c6f6689bdbcdc934c853bf464f5e9ae72fff00f7962600c7050000');
INSERT INTO public.report (report_id, seq, sweep_id, host_key, name, state, strong, weak, excluded, started, finished, received, source, digest, size, indexed, body) VALUES ('0193a100-0000-7000-8000-000000000004', NULL, 'first', 'id-ws-0422|ws-0422', 'WS-0422', 'incomplete', 0, 0, 0, 1795528920000, 1795528920000, 1795903089167, '127.0.0.1', '\xbab0c6196d786a4c9f04bce5706673c80a38b747789cd97772660c2387842e4d', 1588, 1, '\x1f8b0800714e0b6b02ffa554c16edb300cbdef2b029d3620f624c74b535f77d96187021b30605d60a832130b95254f929b6685ff7da49cb4f5b01518ea43105114f9dee3931e58502d7492554c3b150e007deea1773ebe176cc9a6bfb56e709f8bcb95149c671cbfec827e36fcb43c7d251e4935a613eaf86ba7b282176b8ccb3dd8c8aa0776073e6867a9622e728e5b37833694efc1800c80919df31d069c85acd19eaab6b2f8b0a633affcd8b864ad0b094902a99becdb978c9745816dacec00634f011728f11cd6b67187b0106251ac3ed1f61317c1739e17c57a25a843e33aa929ac9cef73b8975d6f8897ee59754db925522f48e11d6c785509b64585bc6a750415074fdd64d7ac495014e54e4640ac3b69022cd91055ed76bb00b1eeb41d2220c635c7ae51fa3d2466b788144b187d0704a797ea1693ae4f94cf73119b4c88190b9a552e105af95c73f1ca8f88db462b199d47181b3e225bb85766a0b618b18331d80ff1279e090642cb8af2ab282b5e549c7f27adb4d5a17d29c3f571aaf8c03ae89c3f125b89bd1b4932a144adf36ed8b72731c7441ea1457282558ee6146952cae1067a36a916dce015cd64a74d2ae3e1e7a03d21897e80043d421af763011abab694220a5eae56027d7e4cb32a1fcd48c3957d80a6ee305e088a7890aa2502ce34403efd17570b8717f6c771f90c77ef9d82105ec4dea3fa5a9a19f44294e8378b9870b19ac35d0944eb0e681b915087243caa35fd9fba929da159dc1c17e7cbf3f6eaeaf3bb24f040ef01160de976d059f6b1faf1a347d549e73c1c03db8edb1991c6865aa140f0df43109bb922baff438dd3ed3a5719acbc93dac81b33f5fa0b3febe222b63a2c7a23637ab210ed766ef6f39d6b8cc9d233821ec4b1cd7cd1c9a892ad39414ce9f87c98ac45d9c13f3bc167b9db74231a6df7d40757288355d353414b0f13db741d543fd434b4bc58b28334861617f925be0d206f6b1f427d72e7e5e6ec4d9afa63f46cd9717cf31ba8a2fb7d34060000');
INSERT INTO public.report (report_id, seq, sweep_id, host_key, name, state, strong, weak, excluded, started, finished, received, source, digest, size, indexed, body) VALUES ('0193a100-0000-7000-8000-000000000002', NULL, 'first', 'id-ws-0421|ws-0421', 'WS-0421', 'hit', 1, 1, 1, 1795528920000, 1795528920000, 1795903089101, '127.0.0.1', '\x75a9c6a28b0e67fb65189f23031458d7856e242c4fbc2c743f326a9f3af54570', 9048, 1, '\x1f8b0800714e0b6b02ffed595b6fdb36147edfaf1084017b891c51375b7e2b5a0c7dd80deb86018b0b83a68e22d512a989541c37f07fdf3994ecc86993266dd6ae45f460d847d4e1772efcf8d1ba72b528a0e6eedc2d95d01b8066d242a35a73cadc13b7ffba2c33bcefb334e4ccf73d1f2f6f4a1f337ff8395c013e627df44f88eddb5c78811f2468e7e7208d3bbf722fa0d5a592e471c2263ede5a756545e35ba8806b404baeda1a0d4a8297952d792d781027f4cc275eeeeec42d94b6482cc832f3fe7ae5f95140f14a5e03daae0d4ad3c0bdb99499da68873127085f52b0d7b1307fe24f82200919cd90a99a976416aa6d2670c9eba6a2b8cac69d9fd1d80843b713e430f3e773e6bec60cb5a2280d08d3b5341bafb324c21198940b6e00b19ab68313b73362a9f25c8359d6a5ec0c20c4c4c7490d6fcfc106b646a0e8a12a2f80d0345cac71d0d910f1be2c6ce631761404956ac21059344e39fbc48be2965929b8512dc298f93b0c162e45d5d1b468915d55e17c88df86696120342f88fe60d1dc0fe6beff37a5aa94a52eee1aa11ad37bbc726ba855bba56839ce9d714a13a6a850adeace0b779ef34ac3ce068fd0306b2ee61e47088516ec559b2eadba56502df2b2b2cfb7f04f57b6d7b540cc066c99a9c0864a4cc52e250d61811f8521c3fededa22458726a4a2f24643b6acd11e30b2b4c04541c8559501f5e76d414ad8dc717fb73b19e16e5a2540eb87630f58740c326488516db04bd8d10c99d44b81c8e1c1d961b363a8657303a62dd1b5974ef20b5e567c55f573716d4b8d65eabfe310a98c638a523b4dc58de590dd6b6ab671fbed574156559e5dd7d81598cfa382d5dc08db682141b4c3713d575e013c8376f4843f1a6bdb3aa7a9e4f9689e3c65c07348bd69c8565e1ca7c2e37c065e1e0848821056d35c90c7d252ccadaddf6ab3d400f2f631dab420cf4d61132ef1891a51a11929083da731cd612a9aa4ed24461f06484ce044210b1cb468e7f97cb1f85323192c166fd462f1ac695e70c3178b9f94e0d562616963822be928fb07674ec1b57318e3540a5395d92507ced0868ee1d51a3f95434681a4c8cb73f983767896b578df1d97ea40d0e3426d9bfd6a5c0ea60b5e75b027b5011df1dd7b78ae851c3045d46d67eecfa5689556b9718a4e1a2c99f34f07edd641264656808b321b46deb29a865a606bd748304e854ded1ea11fe3bea534d8a5e2663dcea81eaf1d259deb4de8eedec8c0606fde2ceb7d8b79f29b2aa5f9b19382a8f339af2af76859d62aebaa71c47d619ddefed1213fa0d7ee8afe08ea9ea407a0af5e3ef3d89706382a4f3a8b67592c56014f1216ad2014d10cc230656c95a7f9349dce565184df8f83426c1244bfad8dba6e6ffce8f8d218f5473289d3491acca328bc7f1c487dc8c1fd4e7ceb563000c555adaa0b6c9701d4c7616d7085a99618e77c820bee01291f05e9f6f44c0478851eed640f28f22001c7265dbe4553904611eddf487f76fb46d9c41e52ed91d05a4da7791efa53e0d388877c153191067e9870e011f7a374158a009274c5023e8ba75990a4cc87388ce328caf2951f93d61348cd77aaa8faeedcbd45cdbdecda8a38b230a6d1f3d3d3cd66337953bfa1dc9f36982d2579752a39f2a529e4d2eecfcb737531698ac6b2e7c09336d144e14469870c8e59ca0a02109db19b7a5f8f41642f16afb6b8c7d661b058dc7864e0dca5e5dcc7a3bd4181de9e9a0efd8e4e03cf7ffdfd379aa557d8ad3ddd9ced2346297188b8511b04544055bd3f80e3fb8e27952c1d0f1a67b56d38ee9adfdb6566fd86e16c76f00b974d857b7b6bbdee28f198876fbbbb1bbb7a6b24993e75fb33920dbc179d98153cb25a69f26e8d29494a2eb352affbf194b4fec080dbbf36fd31e83d7cd30b8f67748e959aca45fe8fe8c5e69f5c48debbb9b2a7bde3411881a21643c21d1d12df9d6faf79c75c7b825b2f16ae3f6bf6e7c779ec07286d760795ca308d4cc499e74fd3c88bc308c566889d1c47092a5b9e40faf86273037c7dad3323ff5a678e43774a6955df8b5f5e39d7e785cfa722b11677eac79b65fa5f48480bfadd547f73baf103715e3eb20afcc4e93eb3a6fb00da2f2fe43e00f03f536f974fb2ec49967d7db2ecf2496f7d337a2b873849e330f1d215f85eec67e0cd20cbbd29b66a92f911b0307a6cbd65ff39cfc6ffed8d351777d6526d506b71bdfecc124bd4d9d7f61f5d0ff9fdc9fde654d67d82dd3eb2d47a8c393fb3deba0fe42f2fbaee83f2f194d7def97245afd4b8d7f6dd7543906d9f04d99320fbfa04d9f649907df5820c390aa391a25fd3d85e9b82538b1e44c289bb86062df41a5419f292d24344b144c03603a2e996f4aa7b82ab7083d9a21fd3494a59e7eb65abf57278939fcef6eff19145b28375ff7a7fb7fbee5fed87943d58230000');
INSERT INTO public.report (report_id, seq, sweep_id, host_key, name, state, strong, weak, excluded, started, finished, received, source, digest, size, indexed, body) VALUES ('0193a100-0000-7000-8000-000000000005', NULL, 'first', 'id-ws-0423|ws-0423', 'WS-0423', 'failed', 0, 0, 0, 1795528920000, 1795528920000, 1795903089203, '127.0.0.1', '\x2bebd134bf27f575c201bdf94a1b038ec0acf62260cf8e2c9d0c01d25c0f2b72', 1583, 1, '\x1f8b0800714e0b6b02ffa554c16edb300cbdef2b029d634fb2dd34f57597dd3760c0dac0506526162a4b9e2427cd0afffb482569eb622b305407c3a228f2bd478a4f2ca80e7ac96aa69d0a078021f730381f3f0bb664a7df46b778cec54d2905e719c7955dd367cdcfdbf3bac22b29c6e9863afedeaaace0c50aed720736b2fa89edc107ed2c45cc45cef1e87ed486fc3d189001d0b275be4783b390b5da53d44e16572bbaf3c1c5a625eb5c48481248dd663fbe65bc2a4a4c63650f687b31b8408e17b3b6ad3b8485108ba2fc5ae0f10b17c1739e17c5aa1494a175bdd46456ce0f393cca7e30c44b0facbe25df0aa917a4f016d6bcae05dba0425e753a828aa3a76cb26f57157aa0287b1901b16ea509b06463548ddb6e03c4a6d7768c8018571cb346e97790983d20520c61f41e08ce20d5033add9e295fea22d69910331654ab5c20b4eab5e6e2838b88db562b199d47186b3e215b785466a4b468b1a331980ff1279e090642cb8aeabba86a5ed49cff24adb4d5a17bcfc30df114f189f5d03b7f24b61273b7926442893ae7ddb8ebce624e893c428bd4095639aa53a44a298707d8b349b5e046afa8265b6d52180fbf46ed0949f42324e81152b99f0350d1b5251751f0aa2c05f6f931d5aa7a6e462aae1c02b44d8ff64290c583541d1170a605ead37f71b57078e77c9a96af700fde2908e15dec03aaafa599412f4485fd6611136eca39dc52205a77c0b611097548c2a35aa77f8c9846c1e220c342db08de8f039597b41d691460bc901e065d635feabbbb01052789f3700c6c336d661c5a1b1a85dac07feb2fd67331f4f04688f3c3ba4419addc4b6de4bd39e5fa0b35ebe222763a2c0623639a56887633eff3cb736b8dc9d204c1f6c38acd5aa29751a58ee60431b9e3e43059878a837f7583cf7c37e931b4daee280fee5006ab4e5382b61e4e6cd34b50c3d850bdf262c90ed218da5ce7373816403e343e84e6dc9837eb4b5b52c19fad976e9da64f7f0078ad36332f060000');
INSERT INTO public.report (report_id, seq, sweep_id, host_key, name, state, strong, weak, excluded, started, finished, received, source, digest, size, indexed, body) VALUES ('0193a100-0000-7000-8000-000000000003', NULL, 'first', 'id-ws-0420|ws-0420', 'WS-0420', 'hit', 1, 0, 0, 1795528920000, 1795528920000, 1795903089130, '127.0.0.1', '\x6a0e96da4d66b7e8244445608417ade91ef3dfa813dbf7f2d4b1fd4be6297664', 4151, 1, '\x1f8b0800714e0b6b02ffdd57c18edb3610bdf72b04a1402f2bad28c9b6e45b90a2c8a1458ba64581ae0381a6288b598a5448cace66e17fef0c257be524bbc826050ad407c31e51c3376f661e87f7a1652def68b80e8566f6c0791f1bde6be3ae4978158e3f2b51c3f384941925491225f08956f85524d3dfe993c12bdec7f806bbfbd0b0284dd225d8e98e2b17aeefc33d375668851e631227f0683b0889eb0d979c5a0e96469b0e0c5af1a81606bdb6345d2cf19d6ffc84c7abb0d5d623f120451dfdf53a4af2149128da71b03d18b4c58527b350b53ed8809020cd5ea5f0f8211692c4499ca6cb8ce00eb5eea84033d3a68ff97bdaf512e3127db8bec1b539849e22c30d2f92f59a846f8021c35ae1387383c1dd68572f735801a4eca9e380d599815f858363956e1acb5dd50935380e1097096ceaa8d9711fd82d00050f52ec39a2e929bb85453753c4a7b4902222e422084c554c00593ea79c7ce307e356b560d46903308ae408c1f2f74c0eb82d58d42025ec07f87d981e06408bd2fc0f92af93749d247f23554209db3eb542f76ef4781f76bcd3e60ea3a5b0774d9126a0a8d5460fbb365c37545a7ef4c10334602d04ee6105d360815af574593d1886b96884f4ef1bfe6e10e6211780d9719f664cb0c31463b285c225244df22c2350df773e49f9b90831a9b4b7bcae3ab0a7042d8653d622722d6b8ef5f958908a1f9e787e3c5ecd70f746336eedf3b1a724bf049911c0a80f5025e462875ad98a0172fe6c7648710955f41fc1f4297af03228baa742d2ad1cf7a2d6a71ad234fe86254abbc0b5c206bda4ce6bc8f10d16dbbcfc4e5d504b19f9be86aa003e2f12d651c77ca1f958fd72e86719b59cd6dcccde48666b7d5937b895dacdf659b226cd97a09329a957d1a24c56112d591265242d8b264fb665811de2849798474bdf585759ced5e36bac335ced5ceb0957f04607a8c00c12049ecb05eee1246e620605d1672908130f72001280c5062fd79bcd9f16c460b379ab379b177dff237574b3f959332a371b2f1b3174d205fb6767414b6d705e13480d54d5bee578309561e0a8bc856f1da091812852b1533fd880d6b581e7e13c556781868ca39bbbfed488d594b63d95031f174cb050e83e237086371cb8c132bb097f11cc68ab1b17b4837290abe0ddc0cd5d00120c72c0f7a29e563ed2465312a0a63b50964042358717b027c08fa4032a937d9c831bccc19b40abe0e1e079ba1e6aeea01e3f4ee59726f0ea372d94fb69500ce5f2259532bc68c54ed7839c073b263318ed5f13ed334aeba9c02f509e3479c2f8fad58b88fc87d86649298b45512fd836a5cb25c9b73c6379c1b3ac2464db94cdaa5c15db3c87df97f10036c5d97880cdcaec64fc9ad0ca050c19cb7851c665bacef3eccb43007d03a11d8fdb47f57ec208adabe51eea63eacb67c3eca191b44145d9c5d057cf207a165f38ca2f0adc3d78f49b3d23b5d388373759f1014c6999e7783e83bcf9e319c622f29c1ccf06a9ed6ad53459b2e27495d38c6e73c2ca34c99694d39c2679b9cd58ca97e596a4b458acea745992842fb2c522cfeb669b2c70966320bd4f4e49ddd3dc7d8099ba1a8c44296c9debedfafafa7038c46fbbb7c8fd750f6c6945e5b5a2208bae55953f7fab9ddec77ddb7b919ce4d0138d128df2756670ae48fec0e76c70fed01ef3310dd19bcdeb3b3843bb2cdd6c3e7a6592d6ca4bebbf2771d384f9383503f89d4dfb2f7ffdfd37dc659ca08dbfbddc9c228651e11c71af0f00a8e5527e3e80cbe741a4b41241c4fb607bd7533815bff71de6fd6659519cfdf2f7bd84b3db78af47241e78f87f5777efbbb7037d19a93bdd817ce0e35009acc095d48f1e9fe61849d2aaaa85bd1dd72369e385004e79ebc66bce67f4669c2e5ee03d55594c17fabf9017cf3fba50747473ef6f73978b20028d25065a3bbb047ebadf69a69dcbec151cb390b8f12e39de0fd78b248509e688d206d12836b63e54e1a1a558c9e771e52abce53d5870cad30ebd94f8124a330ab76780f54385937c0ccd7a00b6f0cf2a2e91757a5b196babe9a25216a76b0a884d7db69e6e2fc7e377ff005a522ce837100000');
INSERT INTO public.report (report_id, seq, sweep_id, host_key, name, state, strong, weak, excluded, started, finished, received, source, digest, size, indexed, body) VALUES ('0193a100-0000-7000-8000-000000000006', NULL, 'first', 'id-ws-0002|ws-0002', 'WS-0002', 'clean', 0, 0, 0, 1795528920000, 1795528920000, 1795903089259, '127.0.0.1', '\xc4ed1162c4cc4dd65c6e7b9642e2cf2a54c6f3bab4819ae851364b2982f74d82', 1203, 1, '\x1f8b0800714e0b6b02ffa5533d6fdb3010ddfb2b02ce964ad2aa636bedd2bd050ab40904963c4744285225293baee1ffde3bca4e9c2159c2c1101fefe3ddbbe7234bba8741b196d9a0d31e60ac238c21e6cf822dd8fcd95983ef5c6c964a705e713cd52dfdacf9f97a3e2b4c2935e60c7df8b7d595e49270f5003eb3f6c87610930d9e2ad6a2e6f8f467b28ee22338500910d9863820103c54c646aada2bf96545391f3cecb4607d48854921694df5f33b0d21b18d570320f60284448117d87a13f6e946881bb9fc46cf2fb3085ef35acad552500713066509d6218e353ca9617434971d59fb9b621b1c5d92c25b58f3b615ec1e158abab719749e2275538359351881a2ec5406e49ae3040b3665dd85ed3641ee06eba70c4871c5b16956f101ca608f48142b38bba3a6a3ca7da2be5fdbbbbbccee4f04e94782ce1a5c1625d69510afc6a2e5d502b936d74b101f3ca4843756ab1c22d258f3138e0f4fda4dd416113f3987fd70a23278a181d42ad9fc104dcb65cbf92f12cf7a9bfaf722c298e78a4734933b900a5beb50325201c74412990440e3790cd70131746a912685296adac49c41ff86bf938d2f9b407e19ca9269bd99b4a6555b4f2142f266b914e8ee435951f36c415aa91a13986e405c0a422228dd1796ce00b9f3ad813cecdf793f9190d7d25e366c9cab8a8bd12698ff8ae0a0b22e22a289cee1e85e57f5a00cc4ab0cfe2af6bee86fac7fa03e784351bc9e9d4ad708b380457c3d4e1d7e2c6bb9607be51c5d6eeb0d3a11d4631753eace326dd617915012f38c5eb43b9d3efd0722ca77e7b3040000');
INSERT INTO public.report (report_id, seq, sweep_id, host_key, name, state, strong, weak, excluded, started, finished, received, source, digest, size, indexed, body) VALUES ('0193a100-0000-7000-8000-000000000008', NULL, 'first', 'id-ws-0421|ws-0421', 'WS-0421', 'clean', 0, 0, 0, 1795528920000, 1795532520000, 1795903089266, '127.0.0.1', '\xf3a96fcc317f1b0e22ed68423d7ad044fd3b522e92eb075072a13ffe25905218', 1479, 1, '\x1f8b0800714e0b6b02ffa554c16edb300cbdef2b029d634f72dc34f517ecbe01035614862ad1b15059f224396957f8df472a49936cd880a23a04164591eff13de59545d5c32059c38c57710f309601461fd267c196ecf0d91a8de75cdcada4e0bce0b88a5bfad9f0e3f6b8367825d738dc502fbf3a5554bc5a635c6ec125d6bcb21d8468bca38aa528391e3d4ec6527e000b3202463a1f060c7807853681aaf6b2ba59d39d0f2e362f59ef634692411a5d7cff5af0ba22be4e0e80b173c0474a3c858dd37e1f17422caad5970a8fcf5c042f795955eb95a00eda0fd25058f93096f02c87d1122f33b2e69e726ba49e1b74b0e14d23d8034e28a8de2450690ad44d0e7a5d63060e65271320d6142658b229a9d6775d84d40ec64d0910e29a63d324c31632b127048a15acd901a119a57ac2a4fb23e3932c625308714582a42a0522ab2f472e3eb888b7d346c9e403c2d8f019c9c2b3b213b5c5889bacc57e883fd3cc30105a51d5df44ddf0aae1fc078dca3813fbbf326ece197e4c878aaf6c80c18717622bb1b79634261c51ef839fb63d6b3a6923cc993c424b9488e67398a33cc6d0ad7960d14f41911a9db1b942809f930967351075822c34499c486492db384a1115af572b810e7fc932d56f362459e51841b703c62b41910052f584dd5b0de4d07f0dc2c1fe3fe7f3bcbcc03d06af20c6f763af447d0d722510a3dfa34fc45507ed62ab1039bc7b3a62730dd58c7fc0cc229dab4c4eeea4b1f2d11e7ac998c546990edf98e27c5aa4dec4c56865caff22f303d9edd280a777a0ad2df2cb465fe03caf041b6452d96a9c20e6747cd1b6e8416a081737f855ee4376a9366e4b7d70876370eaf07a691be0c0365b548d534b732dab25db4b6b69735bdee17b05f9d48618dba36dee3627d3204ffd163d79699e3ffd06a230e5dac7050000');
INSERT INTO public.report (report_id, seq, sweep_id, host_key, name, state, strong, weak, excluded, started, finished, received, source, digest, size, indexed, body) VALUES ('0193a100-0000-7000-8000-000000000007', NULL, 'first', 'id-ws\x00\x1b[31m\u202e\ud800<script>|ws\x00\x1b[31m\u202e\ud800<script>', 'WS\x00\x1b[31m\u202e\ud800<script>', 'clean', 0, 1, 0, 1795528920000, 1795528920000, 1795903089262, '127.0.0.1', '\xc8aad85471eb7fd4b8107c9bfce0060406f0ef73317821573a26e0d5ef30d9a7', 4158, 1, '\x1f8b0800714e0b6b02ffdd57c18edb3610bdf72b04a1400f5d694549b625a32d10a4287268d1a06951a0abc0a028ca5296225592b2e32cfcef9da164474eb29b6c52a0407d30ec11357cf366e67178e71bd6f08efa6bbf55ccec39ef43cd7ba5ed35f1affcf1e7a6ade07944f28492280a22f8042bfccaa2e9eff459c12bcec7f8063bbca9591047f112ec74cba5f5d777fe8e6bd32a891e431246f0a81c5a81eb35179c1a0e965ae90e0c4af2a06a357a6d68bc58e23b5ff8f18f577ea38c43e240b655f0e78b62c067f84dca9b8474c500a879315410e17786e9b6b73f000a493b0eaf7cf27a65709bd35badacd4de78847871f22c86c76f992051188571bc4c08e2ab54475b3433a5fb90bfa65d2f9095b6f7d737b83605e262cc4fcdb368bd26fe4be057b3a6b59cd941e36eb4ab9629ac004a77d47288d4ea815ff983651b55d786db4dd7cac17280b88c60534bf5963b5a6e01287810ed8e239a9eb25b587433f1754a2ac902422e82c044870490a5f384912ffc60dcb26a19b54a038c2c3a42b0fc3513036e0b16390801fb017e17a68301d08238fd9da4eb285e47d15f48552b5bd33cb442f576f478e777bc53fa80d152d8bba2481350d428ad866de3af6b2a0c3fbae0019ac58550ba12d6300536a8754798518366988dba15ce83e67f0fad7e9b0d406db94b34a6d8629231ddadc425248ed22421d01f0797a6f45cc49856da1b5e6d3ab0c7042d9a53d62076252a8ef57d5f9892ef1f787e3c5ecd70f75a316ecce3b1c724bd049910c0a8f65027e462874a9a0d03e4fcd1ec90ec126adbbf03d325e9ad9741d21d6d052dc5b817352ed990a6f1372c91ca7ab6698dd70b6a9d061d5f62b9cd0bf0d407951081eb6ca80be0f322611db5cc959a8bd52d878e1641c369c5f5ec8d68b6d615768d5bc9ed6c9f4599af92b2aa832a599060512deb8066350d563c4d567904fb650e43eb44e6dee2d7c66e0ce7f2fe35c66a2eb7166ac8df737a8b16d01f8e7587eead40ffdf936fc92873171cfa7a904048127b0d359e938810bac6130a02ae5ceb706f2a26cf52710bdfca43230371a3ed567e633c5a551a9efb73c2cf323da7fbd09f7a6a339976540cfc244eb8b33fead607f44af39a43a0583337fe2f2dd3caa8da7acd202d10effd3d707df04051a1bbf9aeada695f7f4c4c42814680742e109284dff02fd1cf7fb044399399727f640ebf94d9a90f8a5a7a4f7f1b456dc4259bde3c07bba2e8a3f0cc87251bc5245f1a4ef7fa49616c5cf8a515114678eae9eab56da9f06c950f79e5221fc8b8eea54358879986336bdd1fe39717e2ab28f047e81f224ad13c617cf9e04e43fc4364b4a9e2db26ac1ca982e97242d79c2d28c27494e4859e7f52a5f65659ac2efcb78989292b3f1249a15d8c9f839a1e50b981696e1220ff3789da6c9a7870032057a399e9bf7caf684117a57891dd4c784e7d1307b6821a55152b62174d423889ec5e78f2a8a6275071edd3e8f48ed34abcd4da67d03a6384f533c6641dfdc290bf30d794c8e671351b95ad57512ad385da534a1654a581e47c992729ad228cdcb84c57c999724a6d96255c5cb9c447c912c16695ad565b4c0a18c81f63e38ee740f73f70646ebcda0058a60636d6fd6d7d7fbfd3e7cd5bd42eeaf7b604b492aae250541b48ddcb86374b355bbb06f7a278f93103aa251a351b8ce0cce15c99ddb9c0dd69dbd633ea669b8285e1ce028ec92b828de796512d58d13d57f4fe2a651f17e6a06f03b1bdb9ffefadb73dc651c85b5bbc4dc9c228613ff1c71aff600a8e1427c3880cbe75e20956cbd80f75e79e8291c8b5fbb0e737e9324cbce7ef9eb5ec039ac9dd723120f3cfcbfabbb77dddb81be8cd49d2e332ef071360456e066ea668ff7738c2429b9a95a733bae47d2c6c91ece7763c7fbca07f4669c2c9ee075551a4c17fabf9017c73fba90747473e7ae65978b20028525065a3bbbcdbdbfdf69349dcbec151cb390b8f152385ef4d68b2886d9e588d206d14836b63e54e1bea158c9e741e5cabfe53d5816b05059f492e34b28cd28dc8e01d60f1b1cc84368d63db0857f56618eacd3db8d366633dd37f2ec74db00b1a9ced6d325e478fcea1f50824d153e100000');
INSERT INTO public.schema_version (name, version) VALUES ('collector', 1);
INSERT INTO public.setting (name, value) VALUES ('session-key', '\x1955a200009be311dfe0aa488559bd0b88ef79341df283c092ac2ba733e8e0bc');
INSERT INTO public.sink (name, seq, updated, error) VALUES ('siem', 4, 1795903090114, '');
INSERT INTO public.suppression (suppression_id, sweep_id, indicator_id, host_key, reason, who, created, lifted) VALUES ('0243f6b7-f2b1-45a2-8d50-a36c89e09be7', 'first', 'lab', NULL, 'the lab''s own copy', 'Jo', 1795903090095, NULL);
INSERT INTO public.sweep (sweep_id, title, pack, created, deadline) VALUES ('first', 'first sweep', '', 1795903087142, NULL);
INSERT INTO public.token (digest, kind, sweep_id, label, created, expires, revoked) VALUES ('\x34a4823e7fead0de33daa95fa8f03cbf09b43c08b38e6e16685860ad9145fd1f', 'sweep', 'first', 'first', 1795903087145, NULL, NULL);
INSERT INTO public.token (digest, kind, sweep_id, label, created, expires, revoked) VALUES ('\xab42ea2db06ccacefbef0ef730c794c493a3e613984bbc83134461b3b0fcaed9', 'reader', NULL, 'first', 1795903087147, NULL, NULL);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (audit_id);
ALTER TABLE ONLY public.expected
    ADD CONSTRAINT expected_pkey PRIMARY KEY (sweep_id, name_key);
ALTER TABLE ONLY public.finding
    ADD CONSTRAINT finding_pkey PRIMARY KEY (report_id, finding_id);
ALTER TABLE ONLY public.host
    ADD CONSTRAINT host_pkey PRIMARY KEY (sweep_id, host_key);
ALTER TABLE ONLY public.numbering
    ADD CONSTRAINT numbering_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.report
    ADD CONSTRAINT report_pkey PRIMARY KEY (report_id);
ALTER TABLE ONLY public.schema_version
    ADD CONSTRAINT schema_version_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.setting
    ADD CONSTRAINT setting_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.sink
    ADD CONSTRAINT sink_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.suppression
    ADD CONSTRAINT suppression_pkey PRIMARY KEY (suppression_id);
ALTER TABLE ONLY public.sweep
    ADD CONSTRAINT sweep_pkey PRIMARY KEY (sweep_id);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_pkey PRIMARY KEY (digest);
CREATE INDEX audit_at ON public.audit USING btree (at);
CREATE INDEX expected_missing ON public.expected USING btree (sweep_id, seen, name_key);
CREATE INDEX expected_short ON public.expected USING btree (sweep_id, short_key);
CREATE INDEX finding_host ON public.finding USING btree (sweep_id, host_key);
CREATE INDEX finding_indicator ON public.finding USING btree (sweep_id, indicator_id, host_key);
CREATE INDEX host_flagged ON public.host USING btree (sweep_id, name_key) WHERE (flagged = 1);
CREATE INDEX host_id ON public.host USING btree (sweep_id, host_id);
CREATE INDEX host_name ON public.host USING btree (sweep_id, name_key, fqdn_key);
CREATE INDEX host_state ON public.host USING btree (sweep_id, state, name_key);
CREATE INDEX host_suppressed ON public.host USING btree (sweep_id, name_key) WHERE (suppressed = 1);
CREATE INDEX report_arrival ON public.report USING btree (sweep_id, received);
CREATE INDEX report_host ON public.report USING btree (sweep_id, host_key);
CREATE INDEX report_seq ON public.report USING btree (seq);
CREATE INDEX report_unindexed ON public.report USING btree (report_id) WHERE (indexed = 0);
CREATE INDEX report_unnumbered ON public.report USING btree (received, report_id) WHERE (seq IS NULL);
CREATE INDEX suppression_sweep ON public.suppression USING btree (sweep_id);
ALTER TABLE ONLY public.expected
    ADD CONSTRAINT expected_sweep_id_fkey FOREIGN KEY (sweep_id) REFERENCES public.sweep(sweep_id);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_sweep_id_fkey FOREIGN KEY (sweep_id) REFERENCES public.sweep(sweep_id);
