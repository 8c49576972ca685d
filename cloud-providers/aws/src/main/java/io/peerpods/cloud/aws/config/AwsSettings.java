package io.peerpods.cloud.aws.config;

import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Setting.Kind;
import java.util.List;

/** Every setting of the {@code aws} provider, with the names and meanings that existing deployments use. */
public final class AwsSettings {

    static final Setting ACCESS_KEY_ID = new Setting(
            "aws-access-key-id",
            "AWS_ACCESS_KEY_ID",
            Kind.TEXT,
            "",
            true,
            "Access key of static credentials, together with aws-secret-key. Without both, the SDK's default chain"
                    + " decides: environment, IRSA, profile, EKS pod identity, the worker's instance profile.");

    static final Setting SECRET_KEY = new Setting(
            "aws-secret-key", "AWS_SECRET_ACCESS_KEY", Kind.TEXT, "", true, "Secret key of static credentials.");

    static final Setting SESSION_TOKEN = new Setting(
            "aws-session-token",
            "AWS_SESSION_TOKEN",
            Kind.TEXT,
            "",
            true,
            "Session token, when the static credentials are temporary ones.");

    static final Setting PROFILE = new Setting(
            "aws-profile",
            "AWS_PROFILE",
            Kind.TEXT,
            "",
            "Profile of the shared AWS configuration, used when there are no static credentials.");

    static final Setting REGION = new Setting(
            "aws-region",
            "AWS_REGION",
            Kind.TEXT,
            "",
            "Region of the pod VMs; empty: the profile's, else the worker's own.");

    static final Setting ENDPOINT = new Setting(
            "aws-endpoint-url",
            "AWS_ENDPOINT_URL",
            Kind.TEXT,
            "",
            "URL of the EC2 API, for a VPC endpoint or an emulator; empty: the region's.");

    static final Setting METADATA_ENDPOINT = new Setting(
            "aws-metadata-endpoint",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            Kind.TEXT,
            "http://169.254.169.254",
            "URL of the worker's own metadata service, asked (version 2) only for what is not set.");

    static final Setting CALL_TIMEOUT = new Setting(
            "aws-call-timeout",
            "AWS_CALL_TIMEOUT",
            Kind.DURATION,
            "30s",
            "Longest time for one EC2 call; an unanswered launch is then repeated under the same token.");

    static final Setting IMAGE = new Setting(
            "imageid",
            "PODVM_AMI_ID",
            Kind.TEXT,
            "",
            "Image of the pod VMs, such as ami-0123456789abcdef0. Required, unless a launch template names one.");

    static final Setting INSTANCE_TYPE = new Setting(
                    "instance-type",
                    "PODVM_INSTANCE_TYPE",
                    Kind.TEXT,
                    "m6a.large",
                    "Instance type of a pod that asks for nothing. Set, it beats the launch template's.")
            .shown(Setting.InConfigMap.COMMENTED_OUT);

    static final Setting INSTANCE_TYPES = new Setting(
            "instance-types",
            "PODVM_INSTANCE_TYPES",
            Kind.LIST,
            "",
            "Instance types that pods may have, by annotation or by size; empty: only instance-type.");

    static final Setting PRICES = new Setting(
            "instance-prices",
            "PODVM_INSTANCE_PRICES",
            Kind.TEXT,
            "",
            "File that replaces the built-in price table: a line is a type (or family.*, the price of its large) and"
                    + " dollars an hour. Used only to order the types that fit.");

    static final Setting CAPACITY = new Setting(
            "capacity-type",
            "PODVM_CAPACITY_TYPE",
            Kind.LIST,
            "on-demand",
            "on-demand, spot, or both in the order in which they are tried.");

    static final Setting SUBNETS = new Setting(
            "subnetid",
            "AWS_SUBNET_ID",
            Kind.LIST,
            "",
            "Subnets of the primary interface, all in one VPC; empty: the worker's. A launch that finds no capacity in"
                    + " one goes on with the next.");

    static final Setting GROUPS = new Setting(
            "securitygroupids",
            "AWS_SG_IDS",
            Kind.LIST,
            "",
            "Security groups of the primary interface; empty: the worker's.");

    static final Setting SECONDARY_SUBNETS = new Setting(
            "secondary-subnetids",
            "AWS_SECONDARY_SUBNET_IDS",
            Kind.LIST,
            "",
            "Subnets of the secondary interface (external network by the pod VM), matched to the primary's by"
                    + " availability zone; empty: the primary's own subnet.");

    static final Setting SECONDARY_GROUPS = new Setting(
            "secondary-securitygroupids",
            "AWS_SECONDARY_SG_IDS",
            Kind.LIST,
            "",
            "Security groups of the secondary interface; empty: the primary's.");

    static final Setting KEY_NAME = new Setting(
            "keyname",
            "SSH_KP_NAME",
            Kind.TEXT,
            "",
            "EC2 key pair of the pod VMs; empty: the worker's, and none when it has none.");

    static final Setting INSTANCE_PROFILE = new Setting(
            "instance-profile",
            "PODVM_INSTANCE_PROFILE",
            Kind.TEXT,
            "",
            "Name or ARN of the instance profile of the pod VMs; empty: none.");

    static final Setting USE_TEMPLATE = new Setting(
            "use-lt",
            "USE_PODVM_LAUNCHTEMPLATE",
            Kind.BOOL,
            "false",
            "Starts every launch from a launch template's default version; what is set here still counts.");

    static final Setting TEMPLATE =
            new Setting("aws-lt-name", "PODVM_LAUNCHTEMPLATE_NAME", Kind.TEXT, "kata", "Name of the launch template.");

    static final Setting PUBLIC_IP = new Setting(
            "use-public-ip",
            "USE_PUBLIC_IP",
            Kind.BOOL,
            "false",
            "Gives every pod VM a public address, by which the adaptor reaches its agent.");

    static final Setting PUBLIC_TWO_NIC = new Setting(
            "public-two-nic",
            "AWS_PUBLIC_TWO_NIC",
            Kind.TEXT,
            "eip",
            "How a VM with two interfaces gets its public address: eip (an Elastic IP, one launch call) or attach (an"
                    + " automatic address, and the secondary interface attached while the VM boots).");

    static final Setting ROOT_VOLUME_SIZE = new Setting(
                    "root-volume-size",
                    "ROOT_VOLUME_SIZE",
                    Kind.INT,
                    "30",
                    "Size of the root volume in GiB, raised to the image's when that is larger; 0: the image's. Set, it beats the launch"
                            + " template's.")
            .shown(Setting.InConfigMap.COMMENTED_OUT);

    static final Setting DISABLE_CVM = new Setting(
                    "disable-cvm",
                    "DISABLECVM",
                    Kind.BOOL,
                    "false",
                    "Launches ordinary VMs; otherwise AMD SEV-SNP is switched on, and the instance types must support it."
                            + " Set, it beats the launch template's.")
            .shown(Setting.InConfigMap.COMMENTED_OUT);

    static final Setting TAGS = new Setting(
            "tags",
            "TAGS",
            Kind.LIST,
            "",
            "More tags for instances, interfaces, volumes and addresses: key=value,key=value.");

    public static final List<Setting> ALL = List.of(
            ACCESS_KEY_ID,
            SECRET_KEY,
            SESSION_TOKEN,
            PROFILE,
            REGION,
            ENDPOINT,
            METADATA_ENDPOINT,
            CALL_TIMEOUT,
            IMAGE,
            INSTANCE_TYPE,
            INSTANCE_TYPES,
            PRICES,
            CAPACITY,
            SUBNETS,
            GROUPS,
            SECONDARY_SUBNETS,
            SECONDARY_GROUPS,
            KEY_NAME,
            INSTANCE_PROFILE,
            USE_TEMPLATE,
            TEMPLATE,
            PUBLIC_IP,
            PUBLIC_TWO_NIC,
            ROOT_VOLUME_SIZE,
            DISABLE_CVM,
            TAGS);

    private AwsSettings() {}
}
