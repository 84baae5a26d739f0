"""Where the embedded engine cannot stand in for OPA: by name of the builtin.

Measured with OPA 1.22 and regorus 0.13 on OPA's own conformance cases; tests/test_engines_rego.py measures again. What
is in none of these tables answers alike in both.
"""

from __future__ import annotations

IMPURE = {
    "http.send": "reaches the network",
    "net.lookup_ip_addr": "asks a name server",
    "opa.runtime": "reads the configuration and environment of the process",
    "providers.aws.sign_req": "signs with credentials",
    "rand.intn": "is random",
    "time.now_ns": "reads the clock",
    "uuid.rfc4122": "is random",
}
"""Builtins that are never evaluated: their answer is not a function of policy, data and input."""

UNSUPPORTED = frozenset(
    """
    all any array.flatten cast_array cast_boolean cast_null cast_object cast_set cast_string crypto.hmac.equal
    crypto.hmac.md5 crypto.hmac.sha1 crypto.hmac.sha256 crypto.hmac.sha512 crypto.md5 crypto.parse_private_keys
    crypto.sha1 crypto.sha256 crypto.x509.parse_and_verify_certificates
    crypto.x509.parse_and_verify_certificates_with_options crypto.x509.parse_certificate_request
    crypto.x509.parse_certificates crypto.x509.parse_keypair crypto.x509.parse_rsa_private_key graphql.is_valid
    graphql.parse graphql.parse_and_verify graphql.parse_query graphql.parse_schema graphql.schema_is_valid
    internal.print internal.template_string internal.test_case io.jwt.decode io.jwt.decode_verify
    io.jwt.encode_sign io.jwt.encode_sign_raw io.jwt.verify_eddsa io.jwt.verify_es256 io.jwt.verify_es384
    io.jwt.verify_es512 io.jwt.verify_hs256 io.jwt.verify_hs384 io.jwt.verify_hs512 io.jwt.verify_ps256
    io.jwt.verify_ps384 io.jwt.verify_ps512 io.jwt.verify_rs256 io.jwt.verify_rs384 io.jwt.verify_rs512
    net.cidr_contains_matches net.cidr_intersects net.cidr_merge net.cidr_overlap net.lookup_ip_addr
    providers.aws.sign_req re_match regex.globs_match rego.metadata.chain rego.metadata.rule rego.parse_module
    set_diff strings.render_template strings.split_n uri.is_valid uri.parse
    """.split()
)
"""Builtins of OPA that the embedded engine does not have; it says so, so this is safe but not proven."""

DIFFERENT = {
    "json.match_schema": "its error list has another form",
    "strings.count": "it counts overlapping occurrences",
    "strings.replace_n": "it scans again what it has replaced",
    "units.parse": "it accepts exponents that OPA refuses",
    "units.parse_bytes": "it accepts exponents that OPA refuses",
    "uuid.parse": "it refuses forms that OPA accepts",
    "yaml.is_valid": "it looks at the first document only",
}
"""Builtins that answer differently, and how the embedded engine differs."""

NAMES = frozenset(
    """
    abs array.concat array.reverse array.slice base64.decode base64.encode base64.is_valid base64url.decode
    base64url.encode base64url.encode_no_pad bits.and bits.lsh bits.negate bits.or bits.rsh bits.xor ceil concat
    contains count endswith floor format_int glob.match glob.quote_meta graph.reachable graph.reachable_paths
    hex.decode hex.encode indexof indexof_n intersection is_array is_boolean is_null is_number is_object is_set
    is_string json.filter json.is_valid json.marshal json.marshal_with_options json.patch json.remove
    json.unmarshal json.verify_schema lower max min net.cidr_contains net.cidr_expand net.cidr_is_valid
    numbers.range numbers.range_step object.filter object.get object.keys object.remove object.subset
    object.union object.union_n print product regex.find_all_string_submatch_n regex.find_n regex.is_valid
    regex.match regex.replace regex.split regex.template_match replace round semver.compare semver.is_valid sort
    split sprintf startswith strings.any_prefix_match strings.any_suffix_match strings.reverse substring sum
    time.add_date time.clock time.date time.diff time.format time.parse_duration_ns time.parse_ns
    time.parse_rfc3339_ns time.weekday to_number trace trim trim_left trim_prefix trim_right trim_space
    trim_suffix type_name union upper urlquery.decode urlquery.decode_object urlquery.encode
    urlquery.encode_object walk yaml.marshal yaml.unmarshal
    """.split()
) | frozenset(DIFFERENT)
"""Builtins that both engines have and that are functions of their arguments."""

ALL = NAMES | UNSUPPORTED | frozenset(IMPURE)
