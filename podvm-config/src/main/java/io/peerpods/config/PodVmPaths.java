package io.peerpods.config;

/** File names inside a pod VM that adaptor, podvm-agent and the guest components of Kata agree on. */
public final class PodVmPaths {
    /** Where everything that user-data brings is put. */
    public static final String DIRECTORY = "/run/peerpod";

    /** {@link AgentConfig}. */
    public static final String AGENT_CONFIG = DIRECTORY + "/apf.json";

    /** The name that {@link #AGENT_CONFIG} had in releases of the existing system before 2025. */
    public static final String OLD_AGENT_CONFIG = DIRECTORY + "/daemon.json";

    /** Registry credentials, {@code {"auths":{..}}}. */
    public static final String AUTH = DIRECTORY + "/auth.json";

    /** Initdata as it came: gzip and base64. */
    public static final String INITDATA = DIRECTORY + "/initdata";

    /** Lower-case hex digest of the initdata document. */
    public static final String INITDATA_DIGEST = DIRECTORY + "/initdata.digest";

    /** Configuration of the attestation agent; writing it starts that agent. */
    public static final String ATTESTATION_AGENT = DIRECTORY + "/aa.toml";

    /** Configuration of the confidential data hub. */
    public static final String DATA_HUB = DIRECTORY + "/cdh.toml";

    /** An empty file that asks for encrypted scratch space. */
    public static final String SCRATCH_SPACE_MARKER = DIRECTORY + "/scratch-space.marker";

    private PodVmPaths() {}
}
