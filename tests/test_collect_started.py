"""What a deployment starts is the product's, whatever folder it lies in; what it may start and nobody knows is a gap."""

from __future__ import annotations

from pathlib import Path

import pytest
from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import code
from strictreal.config import Config, Unread
from strictreal.facts.code import Module
from strictreal.model import Fact, Gap, LeftOut
from strictreal.session import Session
from strictreal.subject import open_tree

HOLLOW = "def verify(payload, signature):\n    return True\n"
ENGINE = "app/tests/engine.py"
UNIT = "[Service]\nWorkingDirectory=/srv/shop\nExecStart={}\n"
JOB = "apiVersion: batch/v1\nkind: Job\nspec:\n  template:\n    spec:\n      containers:\n        - name: a\n          {}\n"


def facts(root: Path, config: Config | None = None) -> list[Fact]:
    with Session(Cache(None), jobs=1) as session:
        return [f for o in code.collect(open_tree(root), config or Config(), session) for f in o.facts]


def role(root: Path, path: str = ENGINE) -> str:
    return next(f.role for f in facts(root) if isinstance(f, Module) and f.path == path)


def laid(root: Path, files: dict[str, str]) -> Path:
    packages = {"app/__init__.py": "", "app/core.py": "", "app/tests/__init__.py": "", "app/tests/test_core.py": ""}
    return lay(root, {**packages, ENGINE: HOLLOW, **files})


STARTED: dict[str, dict[str, str]] = {
    "CMD in words": {"Dockerfile": 'FROM a\nCMD ["python", "-m", "app.tests.engine"]\n'},
    "CMD as a line": {"build/api.Dockerfile": "FROM a\nCMD exec python3.12 -u app/tests/engine.py --port 80\n"},
    "ENTRYPOINT and CMD": {"Containerfile": 'FROM a\nENTRYPOINT ["python", "-m"]\nCMD ["app.tests.engine"]\n'},
    "the options alone": {"Dockerfile": 'FROM a\nENTRYPOINT ["tini", "--"]\nCMD ["python3", "-X", "dev", "/srv/app/tests/engine.py"]\n'},
    "a folder of work": {"Dockerfile": 'FROM a\nWORKDIR /srv/app/tests\nCMD ["python", "engine.py"]\n'},
    "a module in a folder of work": {"Dockerfile": "FROM a\nWORKDIR /srv/app/tests\nCMD uvicorn engine:api\n"},
    "a copied folder": {"Dockerfile": 'FROM a\nCOPY --chown=1 app/tests/ /srv/\nCMD ["python", "/srv/engine.py"]\n'},
    "a copied file": {"Dockerfile": 'FROM a\nCOPY app/tests/engine.py /srv/main.py\nCMD ["python", "/srv/main.py"]\n'},
    "a copied module": {"Dockerfile": "FROM a\nADD app/tests/engine.py /srv/web.py\nCMD gunicorn web:app\n"},
    "a variable": {"Dockerfile": "FROM a\nENV APP=app.tests.engine\nCMD python -m $APP\n"},
    "two variables": {"Dockerfile": "FROM a\nENV A=app.te B=sts.engine\nCMD python -m ${A}${B}\n"},
    "a variable of a server": {"Dockerfile": "FROM a\nENV FLASK_APP=app.tests.engine:api\nCMD flask run\n"},
    "a shell": {"Dockerfile": 'FROM a\nCMD ["sh", "-c", "migrate && exec python -m app.tests.engine"]\n'},
    "continued lines": {"Dockerfile": "FROM a\nCMD python \\\n  -m \\\n  app.tests.engine\n"},
    "code": {"Dockerfile": 'FROM a\nCMD ["python", "-c", "from app.tests import engine; engine.verify(1, 2)"]\n'},
    "another stage": {"Dockerfile": 'FROM a AS web\nCMD ["celery", "-A", "app.tests.engine", "worker"]\nFROM b\nCMD ["true"]\n'},
    "a check of health": {"Dockerfile": 'FROM a\nHEALTHCHECK --interval=5s CMD ["python", "app/tests/engine.py"]\n'},
    "a script": {"Dockerfile": 'FROM a\nCOPY docker/start.sh /\nENTRYPOINT ["/start.sh"]\n', "docker/start.sh": "#!/bin/sh\nset -e\nexec python -m app.tests.engine\n"},
    "a script that runs what it is given": {"Dockerfile": 'FROM a\nENTRYPOINT ["/srv/start.sh", "app.tests.engine"]\n', "start.sh": 'python -m "$@"\n'},
    "a script by its folder": {"Dockerfile": "FROM a\nCMD bash app/run\n", "app/run": "#!/usr/bin/env bash\ncd tests && python engine.py\n"},
    "Procfile": {"Procfile": "web: gunicorn -w 4 app.tests.engine:app\n"},
    "Procfile with settings": {"Procfile": "worker: DEBUG=0 python app/tests/engine.py\n"},
    "systemd": {"deploy/shop.service": UNIT.format("-/srv/venv/bin/python -m app.tests.engine")},
    "systemd by a folder": {"shop.service": "[Service]\nWorkingDirectory=/srv/app/tests\nExecStart=/usr/bin/python3 engine.py\n"},
    "a supervisor": {"supervisord.conf": "[program:web]\ndirectory=/srv\ncommand=uvicorn --factory app.tests.engine:make\n"},
    "cron": {"deploy/crontab": "*/5 * * * * root cd /srv && python -m app.tests.engine\n"},
    "compose, a line": {"docker-compose.yml": "services:\n  web:\n    command: hypercorn app.tests.engine:app\n"},
    "compose, words": {"compose.prod.yaml": "services:\n  web:\n    entrypoint: [python]\n    command: [-m, app.tests.engine]\n"},
    "compose, a folder": {"compose.yaml": "services:\n  web:\n    working_dir: /srv/app/tests\n    command: python engine.py\n"},
    "compose, a block": {"compose.yaml": "services:\n  web:\n    command:\n      - bash\n      - -ec\n      - |\n        python -m app.tests.engine\n"},
    "a manifest": {"k8s/job.yaml": JOB.format('command: ["python"]\n          args: ["app/tests/engine.py"]')},
    "a manifest, a variable": {"k8s/job.yaml": JOB.format("env: [{name: MAIN, value: app.tests.engine}]\n          command: [python, -m, $(MAIN)]")},
    "a probe": {"k8s/job.yaml": JOB.format("livenessProbe: {exec: {command: [python, -m, app.tests.engine]}}")},
    "a template": {"chart/templates/d.yaml": "{{- if .Values.on }}\n" + JOB.format('image: {{ .Values.image }}\n          command: ["python", "-m", "app.tests.engine"]') + "{{- end }}\n"},
    "a template that is no YAML": {"chart/templates/d.yaml": "a: b: {{ c }}\n" + JOB.format("command:\n          - python\n          - -m\n          - app.tests.engine")},
    "values of a chart": {"chart/values.yaml": "web:\n  command: [python, -m, app.tests.engine]\n"},
    "a unit's own folder": {"deploy/shop.service.d/run.conf": UNIT.format("/usr/bin/env python -m app.tests.engine")},
    "uWSGI": {"uwsgi.ini": "[uwsgi]\nmodule = app.tests.engine:app\n"},
    "uWSGI by a file": {"conf/uwsgi-web.ini": "[uwsgi]\nwsgi-file = /srv/app/tests/engine.py\n"},
    "a script that the image writes": {"Dockerfile": "FROM a\nCOPY <<EOF /start.sh\nexec python -m app.tests.engine\nEOF\nCMD /start.sh\n"},
    "a script that the build writes": {"Dockerfile": "FROM a\nRUN echo 'exec python -m app.tests.engine' > /start.sh\nCMD /start.sh\n"},
    "a patch": {"k8s/p.yaml": "- op: replace\n  path: /spec/template/spec/containers/0/command\n  value: [python, -m, app.tests.engine]\n"},
    "JSON": {"k8s/p.json": '{"apiVersion": "v1", "spec": {"containers": [{"command": ["python", "-m", "app.tests.engine"]}]}}\n'},
    "Terraform": {"main.tf": 'resource "a" "b" {\n  command = ["python", "-m", "app.tests.engine"]\n}\n'},
    "a user who is called as a runner of tests": {"Dockerfile": 'FROM a\nCMD ["gosu", "robot", "python", "app/tests/engine.py"]\n'},
    "a copy that is made first": {"Dockerfile": "FROM a\nCMD cp app/tests/engine.py /tmp/main.py && python /tmp/main.py\n"},
    "files that are found": {"Dockerfile": "FROM a\nCMD find app -exec python app/tests/engine.py {} +\n"},
    "a server that changes its folder": {"Dockerfile": 'FROM a\nCMD ["gunicorn", "--chdir", "app/tests", "engine:api"]\n'},
    "a folder of a server": {"Dockerfile": 'FROM a\nCMD ["uvicorn", "--app-dir=app/tests", "engine:api"]\n'},
    "a path of modules": {"Dockerfile": 'FROM a\nENV PYTHONPATH=/srv/app/tests\nCMD ["python", "-m", "engine"]\n'},
    "the last stage, whatever it is called": {"Dockerfile": 'FROM a AS test\nCMD ["python", "-m", "app.tests.engine"]\n'},
    "a platform": {"fly.toml": '[processes]\napp = "python -m app.tests.engine"\n'},
}  # fmt: skip


@pytest.mark.parametrize("case", STARTED)
def test_what_a_deployment_starts_is_judged_as_product(tmp_path: Path, case: str):
    root = laid(tmp_path, STARTED[case])
    assert role(root) == "product"
    assert role(root, "app/tests/test_core.py") == "test"


NOT_STARTED: dict[str, dict[str, str]] = {
    "a run of tests": {"Dockerfile": 'FROM a\nCMD ["pytest", "app/tests/engine.py"]\n'},
    "a run of tests by a module": {"compose.yaml": "services:\n  t:\n    command: python -m pytest app/tests/engine.py\n"},
    "a run of tests by Django": {"compose.yaml": "services:\n  t:\n    command: python manage.py test app.tests.engine\n", "manage.py": ""},
    "an image of the tests": {"tests/Dockerfile": 'FROM a\nCMD ["python", "-m", "app.tests.engine"]\n'},
    "an image that is called so": {"Dockerfile.test": 'FROM a\nCMD ["python", "-m", "app.tests.engine"]\n'},
    "a service of the tests": {"compose.yaml": "services:\n  test:\n    command: sh -c 'python app/tests/engine.py && pytest'\n"},
    "a stage of the tests": {"Dockerfile": 'FROM a AS unit-test\nCMD ["python", "-m", "app.tests.engine"]\nFROM a\nCMD true\n'},
    "what only builds": {"Dockerfile": "FROM a\nRUN python app/tests/engine.py\nCOPY . .\nCMD true\n"},
    "what is only moved": {"Dockerfile": "FROM a\nCMD rm -r app/tests/engine.py; cp -r app/tests /x\n"},
    "a comment": {"Dockerfile": "FROM a\n# CMD python -m app.tests.engine\nCMD python -m app.core\n"},
    "a path among other values": {"k8s/c.yaml": "kind: ConfigMap\ndata:\n  path: app/tests/engine.py\n"},
    "the module of the product": {"Procfile": "web: uvicorn app.core:app\n"},
    "a workflow": {".github/workflows/c.yml": "jobs:\n  a:\n    steps:\n      - run: python -m app.tests.engine\n"},
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_STARTED)
def test_what_no_deployment_starts_stays_a_test(tmp_path: Path, case: str):
    root = laid(tmp_path, NOT_STARTED[case])
    assert role(root) == "test"
    assert gaps(root) == []


def gaps(root: Path, config: Config | None = None) -> list[str]:
    found = [f for f in facts(root, config) if isinstance(f, Gap) and f.of == "UnreadPart"]
    return [f"{gap.where.path}:{gap.where.line} {gap.reason.partition(';')[0]}" for gap in found]


@pytest.mark.parametrize(
    ("files", "gap"),
    [
        ({"Dockerfile": "FROM a\nARG MAIN\nCMD python -m $MAIN\n"}, "Dockerfile:3 starts Python with a module that is worked out elsewhere"),
        ({"Dockerfile": "FROM a\nCMD cat app/tests/engine.py | python -\n"}, "Dockerfile:2 starts Python with a program that it reads from its input"),
        ({"Procfile": "web: python $SCRIPT\n"}, "Procfile:1 starts Python with a script that is worked out elsewhere"),
        ({"Dockerfile": 'FROM a\nCMD ["node", "app/tests/server.js"]\n', "app/tests/server.js": "run()\n"},
         "Dockerfile:2 starts app/tests/server.js, which is judged as a test or an example"),
    ],
)  # fmt: skip
def test_what_may_be_started_and_nobody_knows_is_a_gap(tmp_path: Path, files: dict[str, str], gap: str):
    root = laid(tmp_path, files)
    assert gaps(root) == [gap]
    place = gap.partition(":")[0]
    accepted = Config(unread=(Unread(path=place, reason="started by hand"),))
    assert gaps(root, accepted) == []
    assert any(isinstance(f, LeftOut) and f.where.path == place for f in facts(root, accepted))


def test_what_is_started_out_of_an_environment_that_was_left_out_is_a_gap(tmp_path: Path):
    environment = {"venv/pyvenv.cfg": "home = /usr/bin\n", "venv/bin/server.py": "", "venv/bin/python": ""}
    image = 'FROM a\nCOPY . /srv\nCMD ["/srv/venv/bin/python", "/srv/venv/bin/server.py"]\n'
    [gap] = gaps(lay(tmp_path, {"app/core.py": "", **environment, "Dockerfile": image}))
    assert gap.startswith("Dockerfile:3 starts /srv/venv/bin/server.py, which was left out: ")


def test_where_everything_is_the_products_nothing_that_is_started_is_a_gap(tmp_path: Path):
    assert gaps(lay(tmp_path, {"app/core.py": "", "Dockerfile": "FROM a\nCMD python -m $MAIN\n"})) == []


BY_CODE = {
    "words": "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'app.tests.engine'], check=True)",
    "words put aside": "import sys\nfrom subprocess import Popen\ncommand = [sys.executable, '-u', 'app/tests/engine.py']\nPopen(command)",
    "words of a tuple": "import asyncio\nasync def f():\n    await asyncio.create_subprocess_exec('python3', '-m', 'app.tests.engine')",
    "a line": "import os\nos.system('cd /srv && python -m app.tests.engine &')",
    "a line put together": "import os, sys\nos.popen(f'{sys.executable} app/tests/engine.py --port 1')",
    "a line and a shell": "import subprocess\nsubprocess.check_call('exec python3.12 app/tests/engine.py', shell=True)",
    "exec": "import os, sys\nos.execv(sys.executable, ['python', 'app/tests/engine.py'])",
    "exec of words": "import os\nos.execlp('python', 'python', '-m', 'app.tests.engine')",
    "spawn": "import os, sys\nos.spawnl(os.P_WAIT, sys.executable, 'python', '-m', 'app.tests.engine')",
    "a path from the module": "import subprocess, sys\nfrom pathlib import Path\n"
    "subprocess.run([sys.executable, str(Path(__file__).parent / 'tests' / 'engine.py')])",
    "the rest of a command": "import sys\nargs = [sys.executable]\nargs += ['-m', 'app.tests.engine']",
    "a wrapper": "import sys\nfrom app.tools import launch\nlaunch([sys.executable, '-W', 'error', '-m', 'app.tests.engine'])",
    "code": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import app.tests.engine as e; e.verify(1, 2)'])",
    "a name worked out": "import subprocess, sys\nKNOWN = ['app.tests.engine']\n"
    "def f(name):\n    subprocess.run([sys.executable, '-m', name])",
    "a path worked out": "import subprocess, sys\nKNOWN = {'a': 'app/tests/engine.py'}\n"
    "def f(name):\n    subprocess.run([sys.executable, KNOWN[name]])",
    "uvicorn": "import uvicorn\nuvicorn.run('app.tests.engine:api', port=1)",
    "a target kept": "APP = 'app.tests.engine:make'\n\ndef f(serve):\n    serve(APP)",
    "gunicorn": "class Standalone:\n    def load(self):\n        return util.import_app('app.tests.engine:api')",
    "celery": "from celery import Celery\nqueue = Celery('shop', include=['app.tests.engine'])",
    "Django": "INSTALLED_APPS = ['django.contrib.auth', 'app.tests.engine']",
    "a setup": "from setuptools import setup\nsetup(entry_points={'console_scripts': ['shop = app.tests.engine:main']})",
    "a setup in lines": "from setuptools import setup\nsetup(entry_points='''\n[console_scripts]\nshop=app.tests.engine:main\n''')",
    "routes": "ROOT_URLCONF = 'app.tests.engine'",
}  # fmt: skip


@pytest.mark.parametrize("case", BY_CODE)
def test_what_code_of_the_product_starts_is_the_products(tmp_path: Path, case: str):
    assert role(laid(tmp_path, {"app/run.py": BY_CODE[case] + "\n"})) == "product"


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pytest', 'app/tests/engine.py'])",
        "import subprocess\nsubprocess.run(['git', 'commit', '-m', 'app.tests.engine'])",
        "import subprocess\nsubprocess.run(['ls', 'app/tests/engine.py'])",
        "def help():\n    '''Run python -m app.tests.engine.'''\n    return 'see app/tests/engine.py'",
        "print('python app/tests/engine.py')",
        "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'app.core', 'app.tests.engine'])",
        "KEY = 'tests:engine'",
    ],
)
def test_what_is_only_named_stays_a_test(tmp_path: Path, source: str):
    root = laid(tmp_path, {"app/run.py": source + "\n"})
    assert role(root) == "test"
    assert gaps(root) == []


def test_a_script_that_is_not_there_is_no_gap_since_it_may_be_anybodys(tmp_path: Path):
    source = "import subprocess, sys\nsubprocess.run([sys.executable, 'setup.py', 'install'], cwd='/tmp/elsewhere')\n"
    assert gaps(laid(tmp_path, {"app/run.py": source})) == []
