package io.peerpods.cloud.aws.securitygroup;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.cloud.aws.securitygroup.Flow.Direction;
import io.peerpods.cloud.aws.securitygroup.Flow.Peer;
import io.peerpods.cloud.aws.securitygroup.GroupRules.Verdict;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ec2.model.IpPermission;
import software.amazon.awssdk.services.ec2.model.IpRange;
import software.amazon.awssdk.services.ec2.model.PrefixListId;
import software.amazon.awssdk.services.ec2.model.SecurityGroup;
import software.amazon.awssdk.services.ec2.model.UserIdGroupPair;

final class GroupRulesTest {

    private static final Flow TUNNEL = new Flow(
            "tunnel",
            Direction.INGRESS,
            List.of("sg-vm"),
            "udp",
            4789,
            new Peer(List.of("sg-worker"), List.of("10.0.0.7/32")));

    private static Verdict with(Consumer<IpPermission.Builder> rule) {
        IpPermission.Builder permission = IpPermission.builder();
        rule.accept(permission);
        SecurityGroup group = SecurityGroup.builder()
                .groupId("sg-vm")
                .ipPermissions(permission.build())
                .build();
        return new GroupRules(Map.of("sg-vm", group)).admit(TUNNEL);
    }

    @Test
    void aRuleThatNamesThePeersGroupIsEnough() {
        assertThat(with(rule -> rule.ipProtocol("udp")
                        .fromPort(4789)
                        .toPort(4789)
                        .userIdGroupPairs(
                                UserIdGroupPair.builder().groupId("sg-worker").build())))
                .isEqualTo(Verdict.YES);
    }

    @Test
    void aRuleForItsAddressesIsEnough() {
        assertThat(with(rule -> rule.ipProtocol("-1")
                        .ipRanges(IpRange.builder().cidrIp("10.0.0.0/8").build())))
                .isEqualTo(Verdict.YES);
    }

    @Test
    void anotherPortProtocolGroupOrRangeIsNot() {
        assertThat(with(rule -> rule.ipProtocol("udp")
                        .fromPort(8472)
                        .toPort(8472)
                        .userIdGroupPairs(
                                UserIdGroupPair.builder().groupId("sg-worker").build())))
                .isEqualTo(Verdict.NO);
        assertThat(with(rule -> rule.ipProtocol("tcp")
                        .fromPort(0)
                        .toPort(65535)
                        .userIdGroupPairs(
                                UserIdGroupPair.builder().groupId("sg-worker").build())))
                .isEqualTo(Verdict.NO);
        assertThat(with(rule -> rule.ipProtocol("-1")
                        .userIdGroupPairs(
                                UserIdGroupPair.builder().groupId("sg-other").build())))
                .isEqualTo(Verdict.NO);
        assertThat(with(rule -> rule.ipProtocol("-1")
                        .ipRanges(IpRange.builder().cidrIp("10.0.1.0/24").build())))
                .isEqualTo(Verdict.NO);
    }

    @Test
    void aPrefixListIsNotJudged() {
        assertThat(with(rule -> rule.ipProtocol("17")
                        .fromPort(4000)
                        .toPort(5000)
                        .prefixListIds(
                                PrefixListId.builder().prefixListId("pl-1").build())))
                .isEqualTo(Verdict.PREFIX_LIST);
    }

    @Test
    void theCommandAddsWhatIsMissing() {
        assertThat(TUNNEL.command("eu-west-1"))
                .isEqualTo("aws ec2 authorize-security-group-ingress --region eu-west-1 --group-id sg-vm"
                        + " --ip-permissions"
                        + " 'IpProtocol=udp,FromPort=4789,ToPort=4789,UserIdGroupPairs=[{GroupId=sg-worker}]'");
    }
}
