package io.peerpods.cloud.aws.ec2;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.NoCapacity;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.Unauthorized;
import io.peerpods.cloud.CloudException.Unavailable;
import java.io.IOException;
import java.net.ConnectException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;

final class Ec2ErrorsTest {

    private static CloudException classify(String code, int status, String message) {
        return Ec2Errors.classify("RunInstances", (Ec2Exception) Ec2Exception.builder()
                .statusCode(status)
                .awsErrorDetails(AwsErrorDetails.builder()
                        .errorCode(code)
                        .errorMessage(message)
                        .build())
                .build());
    }

    @ParameterizedTest
    @CsvSource({
        "RequestLimitExceeded, 503, Throttled, NOT_DONE",
        "InsufficientInstanceCapacity, 500, NoCapacity, NOT_DONE",
        "InsufficientFreeAddressesInSubnet, 400, NoCapacity, NOT_DONE",
        "SpotMaxPriceTooLow, 400, NoCapacity, NOT_DONE",
        "VcpuLimitExceeded, 400, QuotaExceeded, NOT_DONE",
        "AddressLimitExceeded, 400, QuotaExceeded, NOT_DONE",
        "MaxSpotInstanceCountExceeded, 400, QuotaExceeded, NOT_DONE",
        "InvalidAMIID.NotFound, 400, NotFound, NOT_DONE",
        "InvalidLaunchTemplateName.NotFoundException, 400, NotFound, NOT_DONE",
        "UnauthorizedOperation, 403, Unauthorized, NOT_DONE",
        "ExpiredToken, 400, Unauthorized, NOT_DONE",
        "RequestExpired, 400, Unauthorized, NOT_DONE",
        "AuthFailure, 401, Unauthorized, NOT_DONE",
        "InternalError, 500, Unavailable, UNKNOWN",
        "Unavailable, 503, Unavailable, UNKNOWN",
        "IdempotentParameterMismatch, 400, InvalidRequest, UNKNOWN",
        "InvalidParameterValue, 400, InvalidRequest, NOT_DONE",
        "Unsupported, 400, InvalidRequest, NOT_DONE",
    })
    void anErrorCodeHasAKindAndAnOutcome(String code, int status, String kind, Outcome outcome) {
        CloudException e = classify(code, status, "as it is");

        assertThat(e.getClass().getSimpleName()).isEqualTo(kind);
        assertThat(e.outcome()).isEqualTo(outcome);
        assertThat(e).hasMessageContaining(code).hasMessageContaining("RunInstances");
        assertThat(Ec2Errors.code(e)).isEqualTo(code);
    }

    @Test
    void aTypeThatAZoneDoesNotHaveIsAMatterOfCapacity() {
        assertThat(classify(
                        "Unsupported",
                        400,
                        "Your requested instance type (x) is not supported in your requested Availability Zone (y)."))
                .isInstanceOf(NoCapacity.class);
    }

    @Test
    void whatTheOperatorCanDoIsSaid() {
        assertThat(classify("RequestExpired", 400, "")).hasMessageContaining("clock");
        assertThat(classify("ExpiredToken", 400, "")).hasMessageContaining("renew");
        assertThat(classify("UnauthorizedOperation", 403, "")).hasMessageContaining("allow ec2:RunInstances");
        assertThat(classify("AddressLimitExceeded", 400, "")).hasMessageContaining("L-0263D0A3");
    }

    @Test
    void aConnectionThatWasNeverMadeHadNoEffectAndOneThatBrokeMayHave() {
        CloudException never = Ec2Errors.classify(
                "RunInstances", SdkClientException.create("x", new ConnectException("Connection refused")));
        CloudException broken =
                Ec2Errors.classify("RunInstances", SdkClientException.create("x", new IOException("reset")));

        assertThat(never).isInstanceOf(Unavailable.class);
        assertThat(never.outcome()).isEqualTo(Outcome.NOT_DONE);
        assertThat(broken).isInstanceOf(Unavailable.class);
        assertThat(broken.outcome()).isEqualTo(Outcome.UNKNOWN);
    }

    @Test
    void missingCredentialsAreNamed() {
        CloudException e = Ec2Errors.classify(
                "RunInstances", SdkClientException.create("Unable to load credentials from any of the providers"));

        assertThat(e).isInstanceOf(Unauthorized.class).hasMessageContaining("AWS_ACCESS_KEY_ID");
    }
}
