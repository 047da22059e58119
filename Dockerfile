# The image of the operator, made by a container engine. `cargo xtask dist image` makes one of the same content without.
#
#   cargo xtask dist binaries
#   cargo xtask dist vendor --artifact oci://REGISTRY/REPOSITORY@sha256:DIGEST --output target/data
#   docker buildx build --platform linux/amd64,linux/arm64 .
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="flux-operator" \
      org.opencontainers.image.description="Installs Flux, keeps it as a FluxInstance describes it, and upgrades it" \
      org.opencontainers.image.version="v0.1.0" \
      org.opencontainers.image.source="https://github.com/flux-operator-rs/flux-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
# Users, authorities and /tmp.
COPY target/dist/system /
COPY target/data /data
COPY target/dist/bin/linux_${TARGETARCH}/flux-operator-controller /usr/local/bin/flux-operator-controller
ENV PATH=/usr/local/bin
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
EXPOSE 8080 8081
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/local/bin/flux-operator-controller"]
