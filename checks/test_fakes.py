"""Code: nothing stands where a real collaborator or real data belongs."""

from collections.abc import Set

from strictreal.check import check
from strictreal.facts.behaviour import Class, Fake, vocabulary, words
from strictreal.facts.code import Module
from strictreal.facts.patterns import PatternMatch, of_check
from strictreal.facts.unread import UnreadCommands, UnreadLanguage, UnreadPart
from strictreal.model import Facts

# Words of class names. A double is told from what is merely about fakes (a fake-news classifier) by what it plays.
DOUBLING = {"fake", "mock", "stub", "spy", "bogus", "canned", "dummy", "faux", "phony", "pretend"}
ACTING = {"simulated", "scripted"}
"""Words that say so of what plays a collaborator, and mean something else of a process, a motor or a show."""
TERMS = {
    "fake": vocabulary(
        """
        news review reviews account accounts profile profiles quant quantize quantized quantization tensor id ids
        identity follower followers currency image images voice caller goods
        """
    ),
    "dummy": vocabulary(
        """
        variable variables encoder encoding coding head node classifier regressor estimator feature column inputs
        input options data text token tokens weights
        """
    ),
    "mock": vocabulary("exam exams interview trial up draft election test"),
    "stub": vocabulary("zone resolver generator file files article info area network package parser hub"),
}
BEFORE = {"pay", "ticket", "tax", "check", "non", "not", "anti"}
COLLABORATORS = vocabulary(
    """
    client store repository repo service gateway backend producer consumer broker queue bus session connection
    conn database db redis kafka postgres mongo bucket storage api server transport channel socket provider llm
    embedder embeddings adapter driver engine pool publisher subscriber sender mailer sdk notifier response
    request cursor collection executor scheduler authenticator vault lock ledger http smtp sftp ftp websocket
    retriever cluster registry cache bridge connector exchange proxy manager worker process popen device memory
    tokenizer index stream bot agent postgresql mysql elasticsearch qdrant milvus
    """
)
CALLS = vocabulary(
    """
    get set send publish query store connect execute fetch request post put save insert subscribe consume
    produce commit delete recv receive search upsert invoke complete chat embed call load upload download charge
    json read write find predict generate encode tokenize authenticate run submit push pop lookup resolve
    """
)
DEEDS = vocabulary(
    """
    authorize authorise capture refund void pay payout transfer create cancel reserve book order confirm deliver notify
    approve settle verify register enqueue emit dispatch translate transcribe summarize answer ask scan sign ship deploy
    provision issue revoke
    """
)
"""What a service is asked to do, beside `CALLS`."""
MODELS = {"model", "models", "embedding", "chat"}
"""What is called from libraries of language models, beside `COLLABORATORS`."""
MAKERS = vocabulary(
    """
    detector classifier generator parser checker finder filter analyzer scanner counter builder factory resolver
    reporter validator remover encoder estimator regressor loader options error exception warning test tests
    case form variable node exporter
    """
)
COMMON = vocabulary(
    """
    base abstract interface mixin protocol object model module layer test case config
    """
)

# Services and roles by which a class that works in its own memory claims to reach something.
REMOTE = vocabulary(
    """
    redis memcached kafka postgres postgresql mysql mongo mongodb s3 minio gcs smtp mail email imap sms twilio stripe paypal
    payment payments billing elasticsearch elastic opensearch qdrant milvus weaviate pinecone chroma rabbitmq rabbit amqp
    nats pulsar sqs sns kinesis dynamo dynamodb bigtable cassandra neo4j influx clickhouse snowflake bigquery openai
    anthropic llm gpt mqtt vault consul etcd zookeeper ldap slack webhook vector remote
    """
)
SUBJECTS = vocabulary("email mail sms payment payments billing llm webhook vector remote")
"""Words of `REMOTE` that also say what something else is about."""
ROLES = vocabulary(
    """
    client store service gateway backend producer consumer broker queue connection db database bucket storage api
    transport provider adapter driver publisher subscriber sender mailer notifier exchange repository bus processor
    """
)
SPEAKERS = vocabulary("llm gpt openai anthropic claude gemini chat completion model client gateway api")
VENDORS = vocabulary(
    "redis kafka postgres mongo elasticsearch rabbitmq memcached qdrant milvus dynamodb openai llm gpt"
)
"""Names of services that a class of the same name says it is."""
CALLERS = vocabulary("client producer publisher mailer sender gateway broker notifier uploader")

# Names under which random numbers pass for data, and names that say that chance is meant.
SERVED = vocabulary(
    """
    embed embedding embeddings score scores metric metrics temperature prediction price prices similarity
    confidence probability latency usage cpu rating sentiment status accuracy loss reading humidity balance
    relevance vector vectors quote forecast risk rank precision recall throughput pressure stock revenue sales
    distance label classification quality health healthy volume percent load voltage anomaly fraud likelihood
    temp weather wind rainfall bpm glucose battery bandwidth views clicks conversion eta occupancy moisture pollution
    vibration rpm altitude amount coherence salience importance valence arousal novelty reward utility
    """
)
ASKED = vocabulary(
    """
    get fetch read measure query predict compute calculate estimate evaluate detect analyze analyse classify
    embed search score collect check monitor encode infer recognize verify validate is has lookup retrieve
    forecast assess rank load
    """
)
CHANCE = vocabulary(
    """
    jitter backoff delay sleep wait sample samples sampler sampling shuffle seed token nonce id uuid key salt
    secret password otp pick choose select choice random rand randomly noise noisy init initialize initial monte
    carlo augment mutate mutation crossover permute bootstrap perturb dropout fuzz dice roll coin flip spawn
    color draw port tmp walk anneal explore epsilon synthetic hash lsh kmeans centroids particle particles swarm
    genetic population toss lottery captcha game play deal attack damage terrain maze simulate simulation
    simulator stochastic distribution weights benchmark bench warmup projection theta interval timeout proba
    retry schedule expiry expires ttl percentage obfuscate anonymize anonymise privacy masked
    """
)
QUANTITIES = vocabulary("stock quantity quantities qty inventory count counts")
PLACES = vocabulary("lat latitude lon lng longitude location locations coordinates coords gps position positions")
SPOKEN = vocabulary("reply replies answer answers response responses message messages completion respond chat complete")
CHEER = vocabulary(
    "joke jokes tip tips quote greeting greetings welcome farewell loading fortune slogan motivation fun"
)
"""Words of texts that are meant to be drawn."""
PICKED = vocabulary(
    """
    name names index suffix prefix unique pool server node replica shard string cpu
    """
)


def _mixed(text: str, known: Set[str]) -> bool:
    return not known.isdisjoint(words(text))


def _one(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def _is_kin(base: str, rest: tuple[str, ...]) -> bool:
    """Whether a base class is what the rest of a stand-in's name names."""
    own = set(words(base.rpartition(".")[2]))
    return own.isdisjoint({"error", "exception"}) and not (own - COMMON).isdisjoint(rest)


def _double(fake: Fake, real: set[str], role: str) -> str:
    """What a class plays, in words; "" when its name means something else, as that of the fund SPY in a product."""
    own = words(fake.name)
    if own[0] == "test":
        return ""
    if own[:2] == ("in", "memory"):
        rest, memory, at = own[2:], True, 0
    else:
        at = next((i for i, word in enumerate(own) if word in DOUBLING | ACTING), 0)
        if (own[at + 1 : at + 2] and own[at + 1] in TERMS.get(own[at], set())) or (at and own[at - 1] in BEFORE):
            return ""
        rest, memory = own[:at] + own[at + 1 :], False
    if not rest:
        plain = [name.rpartition(".")[2] for name in fake.bases]
        kin = next((base for base in plain if _mixed(base, REMOTE | ROLES) and not _mixed(base, COMMON)), "")
        return (
            f"plays {kin}" if kin and any(words(m)[:1] and words(m)[0] in CALLS | DEEDS for m in fake.methods) else ""
        )
    if fake.name.lstrip("_")[:1].islower():
        plays = rest[-1] in COLLABORATORS | SPOKEN or rest[0] in CALLS
        return "answers in place of the real one" if plays else ""
    base = next((name for name in fake.bases if _is_kin(name, rest)), "").rpartition(".")[2]
    noun = rest[-1]
    if memory:
        kept = noun in COLLABORATORS - {"stream", "index", "memory", "cache"} or (noun == "cache" and base)
        return f"plays {base or _one(noun)}" if kept else ""
    if base:
        return f"plays {base}"
    if "".join(rest) in real:
        return f"plays {''.join(word.capitalize() for word in rest)}"
    if noun in COLLABORATORS:
        return f"plays {_one(noun)}"
    if own[at] in ACTING and not memory:
        return ""
    methods = [m for m in fake.methods if m not in {"__init__", "__repr__", "__str__", "__eq__", "__hash__"}]
    if not methods or noun in MAKERS:
        return ""
    called = next((m for m in methods if words(m) and words(m)[0] in CALLS), "")
    if called or not (
        {"fake", "mock", "stub", "bogus", "faux", "phony"} | ({"spy"} if role == "test" else set())
    ).isdisjoint(own):
        return f"plays {_one(noun)} and answers {called or methods[0]}()"
    return ""


def _ready_made(fake: Fake) -> str:
    """What a double of a library plays that is imported: a model that answers from a list."""
    own = words(fake.name)
    if fake.detail.startswith(".") or own[0] not in {"fake", "mock", "stub"} or own[1:2] == ():
        return ""
    if own[1] in TERMS.get(own[0], set()) or own[-1] in MAKERS:
        return ""
    return f"plays {_one(own[-1])}" if own[-1] in MODELS else ""


def _is_remote(own: tuple[str, ...]) -> bool:
    """Whether a name says what is reached: a product anywhere, or a subject right before the role.

    `PostgresUserStore` and `EmailService` do, `EmailTemplateStore` does not.
    """
    products = REMOTE - SUBJECTS
    return not products.isdisjoint((*own, "".join(own[:2]))) or (own[-2:-1] != () and own[-2] in SUBJECTS)


def _impostor(fake: Fake, role: str, abstract: set[str]) -> str:
    """What a class or function that works in its own memory claims to be; "" where its name claims nothing."""
    if not fake.methods:
        return f"{fake.name} only appends to {fake.detail}"
    own = words(fake.name)
    last = [base.rpartition(".")[2] for base in fake.bases]
    reaching = [
        base for base in last if base not in abstract and _mixed(base, REMOTE | ROLES) and not _mixed(base, COMMON)
    ]
    if fake.detail == "transport":
        return f"{fake.name} plays a transport: {fake.methods[0]}() answers by itself"
    by_itself = fake.detail.startswith("answers")
    asked = CALLS | DEEDS if own[-1:] and (own[-1] in CALLERS or by_itself) else CALLS
    if own[-1:] != ("client",):
        asked -= {"find", "load", "read", "pop"}
    deed = next((m for m in fake.methods if words(m) and words(m)[0] in asked), "")
    if fake.detail == "answers in place of what it inherits":
        return f"{fake.name} plays {reaching[0]}: {deed}() {fake.detail}" if deed and reaching else ""
    if reaching and role == "test" and deed:
        return f"{fake.name} plays {reaching[0]}: {deed}() works on {fake.detail} alone"
    if reaching:
        return ""  # the base class may reach what this one does not
    if fake.detail == "texts of its own" and not _mixed(fake.name, SPEAKERS):
        return ""
    claims = own[-1:] and (
        own[-1] in CALLERS | VENDORS
        or (own[-1] in ROLES and _is_remote(own))
        or (own[-1] in ROLES - {"provider", "adapter"} and own[:1] == ("memory",))
    )
    return f"{fake.name} plays {_one(own[-1])}: {deed}() works on {fake.detail} alone" if claims and deed else ""


def _served(fake: Fake) -> str:
    """The name of data under which random numbers are handed on; "" where chance is what the code is about."""
    if _mixed(fake.function, CHANCE) or _mixed(fake.path, {"test", "bench", "benchmark"}):
        return ""
    contexts = fake.detail.split(", ")
    if any(_mixed(context, CHANCE) for context in contexts):
        return ""
    function = fake.function.rpartition(".")[2]
    if function == "__init__" and not fake.name.startswith("random."):
        return ""  # weights before training
    served = next((context for context in contexts if _mixed(context, SERVED)), "")
    plain = fake.name.startswith("random.")
    if plain:  # arrays of counts and places are the stuff of simulations
        served = served or next((label for label in fake.labels if _mixed(label, QUANTITIES | PLACES)), "")
    if fake.sentences and not _mixed(f"{fake.function} {' '.join(contexts)}", CHEER):
        named = (*contexts, function) if "return" in contexts else contexts
        served = served or next((context for context in named if _mixed(context, SPOKEN)), "")
    if fake.exposed and not served:  # whoever asks the service gets it, whatever it is called
        served = next(iter(fake.labels), function if "return" in contexts else "")
    own = words(function)
    if "outcome" in contexts and own and own[0] in CALLS | DEEDS | ASKED | {"process", "place", "health"}:
        return f"the outcome of {function}"
    head = next((own[:i] for i, word in enumerate(own) if i and word in {"by", "per", "for", "of", "from"}), own)
    asked = bool(own) and (own[0] in ASKED or head[-1] in SERVED)
    asked |= plain and (_mixed(function, QUANTITIES | PLACES) or fake.ignores)
    if not served and "return" in contexts and asked and not _mixed(function, PICKED):
        served = function
    if not served and not any(_mixed(name, CHANCE) for name in fake.passed_on):
        served = next((name for name in fake.passed_on if _mixed(name, SERVED)), "")
    return served


def _reason(fake: Fake, role: str, real: set[str], doubles: set[str], abstract: set[str]) -> str:
    if fake.kind == "in-process":
        return _impostor(fake, role, abstract)
    if fake.kind == "hashed":
        return f"{fake.name} computes its answer from {fake.detail}() of the text" if role == "product" else ""
    if fake.kind == "mock":
        replaces = ".patch" in fake.name or fake.name.endswith((".spy", "setattr"))
        return f"{fake.name} {'replaces behaviour in place' if replaces else 'answers what it is told to'}"
    if fake.kind == "patch":
        return "" if fake.detail == "data" else f"replaces {fake.name} in place"
    if fake.kind == "service":
        return f"{fake.name} plays a service instead of calling it"
    if fake.kind == "double":
        plays = _double(fake, real, role)
        return f"{fake.name} {plays}" if plays else ""
    if fake.kind == "import":
        known = role == "test" and fake.name in doubles
        plays = "" if known else _double(fake, real, role) or _ready_made(fake)
        return f"{fake.name} {plays}: a stand-in is imported" if plays else ""
    if fake.kind == "random":
        served = _served(fake) if role == "product" else ""
        return f"{fake.name} is served as {served}" if served else ""
    if fake.kind == "invented":
        return "" if role == "test" else f"{fake.name} makes records up"
    return f"{fake.name} is the name of a stand-in"


@check(
    "code.fake",
    proves="Nothing plays a real collaborator: no mocks, no patched behaviour, no doubles, no random numbers as data.",
    remedy="Call the real thing: start the server, use the real client, compute the value.",
)
def test_nothing_stands_in_for_the_real(
    fakes: Facts[Fake],
    classes: Facts[Class],
    matches: Facts[PatternMatch],
    modules: Facts[Module],
    languages: Facts[UnreadLanguage],
    commands: Facts[UnreadCommands],
    parts: Facts[UnreadPart],
):
    roles = {module.path: module.role for module in modules}
    real = {"".join(words(c.name)) for c in classes}
    doubles = {fake.name for fake in fakes if fake.kind == "double"}
    abstract = {c.name for c in classes if c.kind in {"abstract", "protocol"}}
    for fake in fakes:
        if reason := _reason(fake, roles.get(fake.path, ""), real, doubles, abstract):
            yield fake.finding(reason)
    others = [match for match in matches if match.path not in roles]  # a module's syntax tree tells more
    for match in of_check(others, "code.fake"):
        yield match.finding(match.message)
