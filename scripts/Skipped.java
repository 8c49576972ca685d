import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Reads the reports of a test run and prints its end: every skipped test with its reason, and the counts. With {@code --only-docker} a
 * skip for any other reason than a missing Docker engine or image, or a missing Kata shim, is a failure. So is a run without tests, and
 * a test that passed only when it was repeated.
 */
final class Skipped {

    /** The words of LocalStackTest (cloud-providers/aws) and of the suite tests/kata. */
    private static final List<Pattern> ALLOWED =
            List.of(Pattern.compile("LocalStack needs Docker: .+"), Pattern.compile("no Kata shim.*"));

    /** What surefire writes of a test that failed, also of one that passed when it was repeated. */
    private static final List<String> FAILURES = List.of("failure", "error", "flakyFailure", "flakyError");

    public static void main(String[] args) throws Exception {
        boolean onlyDocker = List.of(args).contains("--only-docker");
        int passed = 0;
        int failed = 0;
        int skipped = 0;
        boolean otherReason = false;
        Map<String, Integer> reasons = new TreeMap<>();
        for (Path report : reports()) {
            Element suite = DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(report.toFile())
                    .getDocumentElement();
            NodeList cases = suite.getElementsByTagName("testcase");
            for (int i = 0; i < cases.getLength(); i++) {
                Element test = (Element) cases.item(i);
                NodeList skips = test.getElementsByTagName("skipped");
                if (skips.getLength() > 0) {
                    skipped++;
                    String reason = ((Element) skips.item(0)).getAttribute("message").strip();
                    reasons.merge(test.getAttribute("classname") + ": " + reason, 1, Integer::sum);
                    boolean allowed = ALLOWED.stream()
                            .anyMatch(words -> words.matcher(reason).matches());
                    if (onlyDocker && !allowed) {
                        System.out.println("Must not be skipped: " + test.getAttribute("classname") + ": " + reason);
                    }
                    otherReason |= !allowed;
                } else if (FAILURES.stream()
                        .anyMatch(name -> test.getElementsByTagName(name).getLength() > 0)) {
                    failed++;
                } else {
                    passed++;
                }
            }
        }
        if (!reasons.isEmpty()) {
            System.out.println("Skipped:");
            reasons.forEach((reason, count) -> System.out.println("  " + count + " x " + reason));
        }
        System.out.println(passed + " passed, " + failed + " failed, " + skipped + " skipped");
        if (passed == 0 || failed > 0 || onlyDocker && otherReason) {
            System.exit(1);
        }
    }

    private static List<Path> reports() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("."), 5)) {
            return files.filter(file -> file.getParent() != null && file.getParent().endsWith("surefire-reports"))
                    .filter(file -> file.getFileName().toString().matches("TEST-.*\\.xml"))
                    .sorted()
                    .toList();
        }
    }
}
